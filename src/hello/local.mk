# SPDX-License-Identifier: Apache-2.0
# The embedded image: an OCI layout in BUILD/libexec/carrel/hello and PREFIX/libexec/carrel/hello.
noinst_PROGRAMS += hello
hello_SOURCES = src/hello/hello.c
hello_CPPFLAGS = $(INC_LIB) $(LIBCAP_CFLAGS)
hello_CFLAGS = $(PLAIN_CFLAGS)
hello_LDFLAGS = -static
hello_LDADD = libplain.a $(LIBCAP_LIBS)

hello_layout = libexec/carrel/hello
noinst_DATA += $(hello_layout)/index.json
$(hello_layout)/index.json: hello$(EXEEXT) $(srcdir)/src/hello/mkimage.sh
	$(AM_V_GEN)$(MKDIR_P) libexec/carrel && $(STRIP) -o hello.stripped hello$(EXEEXT) && \
		$(SHELL) $(srcdir)/src/hello/mkimage.sh hello.stripped $(BUSYBOX) $(host_cpu) \
			$(hello_layout) && rm -f hello.stripped

install-data-local: install-hello
install-hello: $(hello_layout)/index.json
	$(MKDIR_P) $(DESTDIR)$(carrellibexecdir)/hello/blobs/sha256
	$(INSTALL_DATA) $(hello_layout)/index.json $(hello_layout)/oci-layout \
		$(DESTDIR)$(carrellibexecdir)/hello
	rm -f $(DESTDIR)$(carrellibexecdir)/hello/blobs/sha256/*
	$(INSTALL_DATA) $(hello_layout)/blobs/sha256/* $(DESTDIR)$(carrellibexecdir)/hello/blobs/sha256
uninstall-local: uninstall-hello
uninstall-hello:
	rm -rf $(DESTDIR)$(carrellibexecdir)/hello
clean-local: clean-hello
clean-hello:
	rm -rf libexec hello.stripped
.PHONY: install-hello uninstall-hello clean-hello
EXTRA_DIST += src/hello/mkimage.sh
