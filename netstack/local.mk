# SPDX-License-Identifier: Apache-2.0
# The parts that do not need libslirp are a library of their own: tests and fuzzers link it.
noinst_LIBRARIES += libnetframe.a
libnetframe_a_CPPFLAGS = $(INC_LIB)
libnetframe_a_SOURCES = \
	netstack/dnsmsg.c netstack/dnsmsg.h \
	netstack/frame.c netstack/frame.h \
	netstack/resolvconf.c netstack/resolv.h
