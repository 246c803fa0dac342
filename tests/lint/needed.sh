#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
if [ -n "$SANITIZED" ]; then
	echo 'SKIP: a sanitized build links more'
	exit 77
fi
# shellcheck disable=SC2086
exec "$CARREL_PYTHON" "$srcdir/tests/lint/needed.py" . readelf $INSTALLED_PROGRAMS
