# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += .ci/run contrib/check contrib/check-fresh contrib/packages.sh contrib/try

check-fresh:
	$(srcdir)/contrib/check-fresh
.PHONY: check-fresh

# Completion: by the program itself, so that the scripts are short.
EXTRA_DIST += contrib/carrel.bash contrib/carrel.fish contrib/carrel.zsh
completions = bash-completion/completions/carrel fish/vendor_completions.d/carrel.fish \
	zsh/site-functions/_carrel
install-data-local: install-completion
install-completion:
	for f in $(completions); do \
		$(MKDIR_P) $(DESTDIR)$(datadir)/$${f%/*} || exit 1; \
		case $$f in bash*) kind=bash ;; fish*) kind=fish ;; *) kind=zsh ;; esac; \
		$(INSTALL_DATA) $(srcdir)/contrib/carrel.$$kind $(DESTDIR)$(datadir)/$$f || exit 1; \
	done
uninstall-local: uninstall-completion
uninstall-completion:
	cd $(DESTDIR)$(datadir) && rm -f $(completions)
.PHONY: install-completion uninstall-completion
