#compdef carrel
# SPDX-License-Identifier: Apache-2.0
# zsh completion for carrel(1): the program itself knows what may come next (`carrel __complete`).

_carrel()
{
	local -a lines rows open
	local line
	lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ ${lines[1]} == :files ]]; then
		[[ ${words[CURRENT]} == --*=* ]] && compset -P '*='
		_files
		return
	fi
	for line in "${lines[@]}"; do
		[[ -n $line ]] || continue
		if [[ $line == *$'\t'* ]]; then
			rows+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
		elif [[ $line == *= ]]; then
			open+=("${line//:/\\:}")
		else
			rows+=("${line//:/\\:}")
		fi
	done
	(( ${#rows} )) && _describe -V carrel rows
	(( ${#open} )) && _describe -V carrel open -S ''
}

_carrel "$@"
