#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A checkout, or a prefix, where neither autoconf nor make can work is refused before anything is
# installed or built, and the message says why.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in 'a b' "a'b" 'a$b' 'a&b'; do
	mkdir "$work/$name" "$work/$name/contrib"
	cp "$srcdir/contrib/try" "$srcdir/contrib/check" "$srcdir/contrib/packages.sh" "$work/$name/contrib"
	for script in try check; do
		if "$work/$name/contrib/$script" >"$work/said" 2>&1; then
			echo "contrib/$script goes on in '$name'"
			exit 1
		fi
		grep -q 'use another directory' "$work/said" || { cat "$work/said"; exit 1; }
		[ "$(ls "$work/$name")" = contrib ] || { ls -l "$work/$name"; exit 1; }
	done
done
if "$srcdir/contrib/try" --prefix "$work/a b" >"$work/said" 2>&1; then
	echo "contrib/try takes a prefix with a blank"
	exit 1
fi
grep -q 'use another directory' "$work/said"
. "$srcdir/contrib/packages.sh"
path_usable "/home/me/x-1.0_y+z"
