# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libnet.a
libnet_a_CPPFLAGS = $(INC_SRC)
libnet_a_SOURCES = src/net/net.c src/net/net.h src/net/netfiles.c

# Not installed: a private network around a command of the host, for tests and measurements.
noinst_PROGRAMS += tools/net-try
tools_net_try_CPPFLAGS = $(INC_SRC)
tools_net_try_SOURCES = tools/net-try.c
tools_net_try_LDADD = libruntime.a libnet.a libbase.a $(LIBCAP_LIBS)
