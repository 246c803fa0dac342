# SPDX-License-Identifier: Apache-2.0
# bash completion for carrel(1): the program itself knows what may come next (`carrel __complete`).
# shellcheck shell=bash

_carrel()
{
	# COMP_WORDS is split at ":" and "=", which names of images and options have.
	local -a words
	local line=${COMP_LINE:0:COMP_POINT} cur='' kept
	read -ra words <<<"$line"
	case $line in
	*[[:space:]]) words+=('') ;;
	esac
	cur=${words[${#words[@]} - 1]}
	mapfile -t COMPREPLY < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null | cut -f1)
	if [ "${COMPREPLY[0]-}" = :files ]; then
		COMPREPLY=()
		compopt -o default
		return
	fi
	# What stands before the last of those characters is on the line already.
	kept=${cur%"${cur##*[:=]}"}
	COMPREPLY=("${COMPREPLY[@]#"$kept"}")
	case ${COMPREPLY[*]} in
	*=) compopt -o nospace ;; # its value comes next
	esac
}
complete -F _carrel carrel
