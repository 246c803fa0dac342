# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += doc/format-container.md doc/format-layer.md doc/format-store.md
EXTRA_DIST += doc/SECURITY-MODEL.md
dist_man_MANS += \
	doc/man/carrel-image-inspect.1 \
	doc/man/carrel-images.1 \
	doc/man/carrel-rmi.1 \
	doc/man/carrel-tag.1 \
	doc/man/carrel-attach.1 \
	doc/man/carrel-container-inspect.1 \
	doc/man/carrel-doctor.1 \
	doc/man/carrel-exec.1 \
	doc/man/carrel-explain.1 \
	doc/man/carrel-info.1 \
	doc/man/carrel-inspect.1 \
	doc/man/carrel-kill.1 \
	doc/man/carrel-logs.1 \
	doc/man/carrel-pause.1 \
	doc/man/carrel-ps.1 \
	doc/man/carrel-pull.1 \
	doc/man/carrel-rm.1 \
	doc/man/carrel-run.1 \
	doc/man/carrel-start.1 \
	doc/man/carrel-stats.1 \
	doc/man/carrel-stop.1 \
	doc/man/carrel-unpause.1 \
	doc/man/carrel-update.1 \
	doc/man/carrel-version.1 \
	doc/man/carrel-wait.1 \
	doc/man/carrel.1 \
	doc/man/carrel.conf.5

# The codes of the host ladder are told by its own rows (tools/hostman.c).
nodist_man_MANS = doc/man/carrel-host.7
EXTRA_DIST += doc/man/carrel-host.7.in
CLEANFILES += doc/man/carrel-host.7
doc/man/carrel-host.7: doc/man/carrel-host.7.in hostman$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) doc/man && ./hostman$(EXEEXT) <$(srcdir)/doc/man/carrel-host.7.in >$@.tmp && \
		mv $@.tmp $@

EXTRA_DIST += doc/ARCHITECTURE.md doc/CODING_STYLE.md doc/DESIGN.md doc/hosts.md doc/netstack.md \
	README.md NEWS.md HACKING.md SECURITY.md COPYING
