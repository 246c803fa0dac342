# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += .ci/run contrib/check contrib/check-fresh contrib/packages.sh contrib/try

check-fresh:
	$(srcdir)/contrib/check-fresh
.PHONY: check-fresh
