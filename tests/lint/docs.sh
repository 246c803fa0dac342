#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
exec "$CARREL_PYTHON" "$srcdir/tests/lint/docs.py" "$srcdir" ./carrel "$MANDOC"
