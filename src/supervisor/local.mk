# SPDX-License-Identifier: Apache-2.0
carrellibexec_PROGRAMS += supervisor
supervisor_CPPFLAGS = $(INC_SRC) -I.
supervisor_SOURCES = \
	src/supervisor/clients.c \
	src/supervisor/logfile.c src/supervisor/logfile.h \
	src/supervisor/main.c \
	src/supervisor/start.h \
	src/supervisor/streams.c src/supervisor/supervisor.h
nodist_supervisor_SOURCES = supervisor_filter.h
BUILT_SOURCES += supervisor_filter.h
CLEANFILES += supervisor_filter.h
supervisor_filter.h: seccomp-gen$(EXEEXT) $(supervisor_SOURCES)
	$(AM_V_GEN)$(SECCOMP_GEN) filter supervisor "" $(filter %.c,$^) >$@.tmp && mv $@.tmp $@
supervisor_LDADD = libruntime.a libstorage.a liboci.a libbase.a

if HAVE_CMOCKA
check_PROGRAMS += test_logfile
TESTS += test_logfile
test_logfile_SOURCES = tests/unit/test_logfile.c src/supervisor/logfile.c
test_logfile_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_logfile_LDADD = libbase.a $(CMOCKA_LIBS)
endif
