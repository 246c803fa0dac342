#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2086
exec "$CARREL_PYTHON" "$srcdir/tests/lint/headers.py" "$srcdir" . "$CC" $LIB_CFLAGS
