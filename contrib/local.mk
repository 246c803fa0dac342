# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += .ci/run contrib/check contrib/check-fresh contrib/packages.sh contrib/try

check-fresh:
	$(srcdir)/contrib/check-fresh
.PHONY: check-fresh

EXTRA_DIST += contrib/carrel.bash
install-data-local: install-completion
install-completion:
	$(MKDIR_P) $(DESTDIR)$(datadir)/bash-completion/completions
	$(INSTALL_DATA) $(srcdir)/contrib/carrel.bash $(DESTDIR)$(datadir)/bash-completion/completions/carrel
uninstall-local: uninstall-completion
uninstall-completion:
	rm -f $(DESTDIR)$(datadir)/bash-completion/completions/carrel
.PHONY: install-completion uninstall-completion
