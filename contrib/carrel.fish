# SPDX-License-Identifier: Apache-2.0
# fish completion for carrel(1): the program itself knows what may come next (`carrel __complete`).

function __carrel_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l out ($words[1] __complete $words[2..-1] 2>/dev/null)
	if test "$out[1]" = :files
		set -l head (string match -r -- '^--[a-z-]+=' $words[-1]; or echo '')
		set -l tail (string replace -- "$head" '' $words[-1])
		printf '%s\n' $head(__fish_complete_path $tail)
	else
		printf '%s\n' $out
	end
end

complete -c carrel -f -a '(__carrel_complete)'
