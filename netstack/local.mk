# SPDX-License-Identifier: Apache-2.0
# The parts that do not need libslirp are a library of their own: tests and fuzzers link it.
noinst_LIBRARIES += libnetframe.a
libnetframe_a_CPPFLAGS = $(INC_LIB)
libnetframe_a_SOURCES = \
	netstack/dnsmsg.c netstack/dnsmsg.h \
	netstack/frag.c netstack/frag.h \
	netstack/frame.c netstack/frame.h \
	netstack/resolvconf.c netstack/resolv.h \
	netstack/split.c netstack/split.h

if HAVE_SLIRP
carrellibexec_PROGRAMS += netstack/netstack
netstack_netstack_CPPFLAGS = $(INC_LIB) -I. $(SLIRP_CFLAGS)
netstack_stack_sources = \
	netstack/dns.c netstack/dns.h \
	netstack/flows.c netstack/flows.h \
	netstack/main.c \
	netstack/ping.c netstack/ping.h \
	netstack/pollset.c netstack/pollset.h \
	netstack/stack.c netstack/stack.h
netstack_netstack_SOURCES = $(netstack_stack_sources) \
	netstack/confine.c netstack/confine.h \
	netstack/resolv.c \
	netstack/tap.c netstack/tap.h \
	netstack/veth.c netstack/veth.h
nodist_netstack_netstack_SOURCES = netstack_filter.h netresolv_filter.h
netstack_netstack_LDADD = libnetframe.a libbase.a $(SLIRP_LIBS)

BUILT_SOURCES += netstack_filter.h netresolv_filter.h
CLEANFILES += netstack_filter.h netresolv_filter.h
netstack_filter.h: seccomp-gen$(EXEEXT) $(netstack_stack_sources)
	$(AM_V_GEN)$(SECCOMP_GEN) filter netstack "" $(filter %.c,$^) >$@.tmp && mv $@.tmp $@
netresolv_filter.h: seccomp-gen$(EXEEXT) netstack/resolv.c
	$(AM_V_GEN)$(SECCOMP_GEN) filter netresolv resolv $(filter %.c,$^) >$@.tmp && mv $@.tmp $@
endif

if HAVE_CMOCKA
netstack_tests = test_netframe test_netdns
check_PROGRAMS += $(netstack_tests)
TESTS += $(netstack_tests)
netstack_test_cppflags = $(INC_LIB) -I$(top_srcdir)/netstack -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
netstack_test_ldadd = libnetframe.a libbase.a $(CMOCKA_LIBS)
test_netframe_SOURCES = tests/unit/test_netframe.c
test_netframe_CPPFLAGS = $(netstack_test_cppflags)
test_netframe_LDADD = $(netstack_test_ldadd)
test_netdns_SOURCES = tests/unit/test_netdns.c
test_netdns_CPPFLAGS = $(netstack_test_cppflags)
test_netdns_LDADD = $(netstack_test_ldadd)
endif

netstack_fuzz = tests/fuzz/fuzz_frame tests/fuzz/fuzz_netdns
check_PROGRAMS += $(netstack_fuzz)
TESTS += $(netstack_fuzz)
netstack_fuzz_cppflags = $(INC_LIB) -I$(top_srcdir)/netstack -I$(top_srcdir)/tests/fuzz
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c tests/fuzz/fuzz_main.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_frame_CPPFLAGS = $(netstack_fuzz_cppflags)
tests_fuzz_fuzz_frame_LDADD = libnetframe.a libbase.a
tests_fuzz_fuzz_netdns_SOURCES = tests/fuzz/fuzz_netdns.c tests/fuzz/fuzz_main.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_netdns_CPPFLAGS = $(netstack_fuzz_cppflags)
tests_fuzz_fuzz_netdns_LDADD = libnetframe.a libbase.a
EXTRA_DIST += tests/fuzz/corpus/frame tests/fuzz/corpus/netdns
