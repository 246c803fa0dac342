# SPDX-License-Identifier: Apache-2.0
carrellibexec_PROGRAMS += init
init_SOURCES = src/init/init.c
init_CPPFLAGS = $(INC_LIB)
# Static: it runs inside any image.
init_CFLAGS = $(PLAIN_CFLAGS)
init_LDFLAGS = -static
init_LDADD = libplain.a
