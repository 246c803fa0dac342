# SPDX-License-Identifier: Apache-2.0
carrellibexec_PROGRAMS += watchdog
watchdog_SOURCES = \
	src/watchdog/main.c \
	src/watchdog/procfmt.c src/watchdog/procfmt.h \
	src/watchdog/sample.c src/watchdog/sample.h \
	src/lib/base/sandbox.c
nodist_watchdog_SOURCES = watchdog_filter.h
watchdog_CPPFLAGS = $(INC_LIB) -I$(top_srcdir)/src -I.
# Static: it is small and holds its pages in memory.
watchdog_CFLAGS = $(PLAIN_CFLAGS)
watchdog_LDFLAGS = -static
watchdog_LDADD = libplain.a
BUILT_SOURCES += watchdog_filter.h
CLEANFILES += watchdog_filter.h
watchdog_filter.h: seccomp-gen$(EXEEXT) $(watchdog_SOURCES)
	$(AM_V_GEN)$(SECCOMP_GEN) filter watchdog "" $(filter %.c,$^) >$@.tmp && mv $@.tmp $@

if HAVE_CMOCKA
check_PROGRAMS += test_watchdog
TESTS += test_watchdog
test_watchdog_SOURCES = tests/unit/test_watchdog.c src/watchdog/procfmt.c src/watchdog/sample.c
test_watchdog_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_watchdog_LDADD = libbase.a $(CMOCKA_LIBS)
endif
