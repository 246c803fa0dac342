# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += \
	tests/cli/conftest.py \
	tests/cli/lib/__init__.py \
	tests/cli/lib/host.py \
	tests/cli/lib/obstacle.py \
	tests/cli/lib/ociimg.py \
	tests/cli/lib/registry.py \
	tests/cli/lib/runner.py \
	tests/cli/lib/session.py \
	tests/cli/lib/terminal.py \
	tests/cli/test_doctor.py \
	tests/cli/test_harness.py \
	tests/cli/test_version.py

AM_TESTS_ENVIRONMENT = srcdir='$(srcdir)'; export srcdir; BUSYBOX='$(BUSYBOX)'; export BUSYBOX; \
	CARREL_PYTHON='$(CARREL_PYTHON)'; export CARREL_PYTHON;
TEST_EXTENSIONS = .sh
dist_check_SCRIPTS = tests/lint/hello-image.sh
TESTS += $(dist_check_SCRIPTS)
