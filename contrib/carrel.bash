# SPDX-License-Identifier: Apache-2.0
# bash completion for carrel(1): commands and options come from the program's own option tables
# (`carrel __options`), read once per shell; names of containers and images are asked each time.
# shellcheck shell=bash

_carrel_load()
{
	[ -n "${_carrel_commands-}" ] && return
	declare -g _carrel_commands='' _carrel_codes=''
	declare -gA _carrel_words=() _carrel_valued=()
	local kind a b c d
	while IFS=$'\t' read -r kind a b c d _; do
		case $kind in
		code) _carrel_codes+=" $a" ;;
		command | alias) _carrel_commands+=" $a"; _carrel_words[$a]+='' ;;
		option)
			[ "$d" = refused ] && continue
			_carrel_words[$a]+=" --$b"
			[ "$c" = - ] || _carrel_words[$a]+=" -$c"
			[ "$d" = flag ] || _carrel_valued[$a]+=" --$b -$c "
			;;
		esac
	done < <("$1" __options 2>/dev/null)
}

# The command word(s) on the line, the number of operands after it, and whether the word before the
# cursor is an option that wants a value.
_carrel_parse()
{
	command='' operands=0 wants_value=''
	local i=1 word table=-
	while [ "$i" -lt "$COMP_CWORD" ]; do
		word=${COMP_WORDS[i]}
		if [ -z "$wants_value" ] && [ "${word:0:1}" = - ]; then
			case "${_carrel_valued[$table]-}" in *" $word "*) wants_value=$word ;; esac
		elif [ -n "$wants_value" ]; then
			[ "$word" = = ] || wants_value=''
		elif [ -z "$command" ]; then
			command=$word table=$word
			case " $_carrel_commands " in
			*" $word ${COMP_WORDS[i + 1]-} "*)
				if [ $((i + 1)) -lt "$COMP_CWORD" ]; then
					i=$((i + 1))
					command="$word ${COMP_WORDS[i]}" table=$command
				fi
				;;
			esac
		else
			operands=$((operands + 1))
		fi
		i=$((i + 1))
	done
}

_carrel_images()
{
	local name tag
	"$carrel" images 2>/dev/null | while read -r name tag _; do
		[ "$name" = REPOSITORY ] || [ "$name" = '<none>' ] || echo "$name:$tag"
	done
}

_carrel_containers()
{
	"$carrel" ps --all --format json 2>/dev/null | grep -o '"Names":\["[^"]*"' | cut -d'"' -f4
}

_carrel()
{
	local cur=${COMP_WORDS[COMP_CWORD]} carrel=${COMP_WORDS[0]} command operands wants_value words=''
	_carrel_load "$carrel"
	_carrel_parse
	COMPREPLY=()
	if [ -n "$wants_value" ]; then
		case $wants_value in
		--env-file | --root | -v | --volume | -w) compopt -o default ;;
		--network) words='private host none' ;;
		--type) words='container image' ;;
		--pull) words='missing always never' ;;
		--format | -f) words='json table' ;;
		esac
	elif [ "${cur:0:1}" = - ]; then
		words="${_carrel_words[${command:--}]-} --help"
	elif [ -z "$command" ]; then
		words=$_carrel_commands
	else
		case $command in
		run | exec)
			[ "$operands" -eq 0 ] || { compopt -o default; return; }
			;;&
		run | rmi | tag | inspect | 'image '*) words+=" hello $(_carrel_images)" ;;&
		exec | attach | logs | start | stop | kill | pause | unpause | stats | wait | rm | inspect | \
		explain | 'container '*)
			words+=" $(_carrel_containers)"
			;;
		doctor) words=$_carrel_codes ;;
		help) words=$_carrel_commands ;;
		esac
	fi
	[ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _carrel carrel
