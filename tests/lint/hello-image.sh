#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The embedded image has the same bytes however often and by whomever it is made, and every blob
# is what its name says.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for mask in 022 077; do
	umask $mask
	TZ=UTC-$mask "${SHELL:-/bin/sh}" "$srcdir/src/hello/mkimage.sh" hello "${BUSYBOX:-no}" \
		x86_64 "$dir/$mask"
done
cmp "$dir/022/index.json" "$dir/077/index.json"
cd "$dir/022/blobs/sha256"
for blob in *; do
	echo "$blob  $blob" | sha256sum --check --quiet
done
tar -tzvf "$(ls -S | head -n 1)" | grep -q '^-rwxr-xr-x 0/0 .*\./bin/hello$'
tar -tzvf "$(ls -S | head -n 1)" | grep -q '^drwxrwxrwt 0/0 .*\./tmp/$'
