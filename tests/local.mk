# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += \
	tests/cli/conftest.py \
	tests/cli/lib/__init__.py \
	tests/cli/lib/host.py \
	tests/cli/lib/ociimg.py \
	tests/cli/lib/registry.py \
	tests/cli/lib/runner.py \
	tests/cli/lib/session.py \
	tests/cli/lib/terminal.py \
	tests/cli/test_harness.py \
	tests/cli/test_version.py
