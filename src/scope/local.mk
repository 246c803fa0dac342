# SPDX-License-Identifier: Apache-2.0
if HAVE_SYSTEMD
carrellibexec_PROGRAMS += scope
scope_SOURCES = src/scope/scope.c
scope_CPPFLAGS = $(INC_LIB) $(SYSTEMD_CFLAGS)
scope_LDADD = libbase.a $(SYSTEMD_LIBS)
else
EXTRA_DIST += src/scope/scope.c
endif
