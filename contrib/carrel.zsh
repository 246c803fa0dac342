#compdef carrel
# SPDX-License-Identifier: Apache-2.0
# zsh completion for carrel(1): the program itself knows what may come next (`carrel __complete`).

_carrel()
{
	local -a lines rows
	local line
	lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ ${lines[1]} == :files ]]; then
		_files
		return
	fi
	for line in "${lines[@]}"; do
		[[ -n $line ]] || continue
		if [[ $line == *$'\t'* ]]; then
			rows+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
		else
			rows+=("${line//:/\\:}")
		fi
	done
	(( ${#rows} )) && _describe -V carrel rows
}

_carrel "$@"
