# SPDX-License-Identifier: Apache-2.0
carrellibexec_PROGRAMS += init
init_SOURCES = src/init/init.c
init_CPPFLAGS = $(INC_LIB)
# Static: it runs inside any image.
init_LDFLAGS = $(AM_LDFLAGS) -static
init_LDADD = libbase.a
