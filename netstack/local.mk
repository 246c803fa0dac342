# SPDX-License-Identifier: Apache-2.0
# The parts that do not need libslirp are a library of their own: tests and fuzzers link it.
noinst_LIBRARIES += libnetframe.a
libnetframe_a_CPPFLAGS = $(INC_LIB)
libnetframe_a_SOURCES = \
	netstack/dnsmsg.c netstack/dnsmsg.h \
	netstack/frame.c netstack/frame.h \
	netstack/resolvconf.c netstack/resolv.h

if HAVE_SLIRP
carrellibexec_PROGRAMS += netstack/netstack
netstack_netstack_CPPFLAGS = $(INC_LIB) $(SLIRP_CFLAGS)
netstack_netstack_SOURCES = \
	netstack/confine.c netstack/confine.h \
	netstack/dns.c netstack/dns.h \
	netstack/flows.c netstack/flows.h \
	netstack/main.c \
	netstack/ping.c netstack/ping.h \
	netstack/pollset.c netstack/pollset.h \
	netstack/resolv.c \
	netstack/rtnl.c netstack/rtnl.h \
	netstack/stack.c netstack/stack.h \
	netstack/tap.c netstack/tap.h
netstack_netstack_LDADD = libnetframe.a libbase.a $(SLIRP_LIBS)
endif
