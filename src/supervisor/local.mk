# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libsupervisor.a
libsupervisor_a_CPPFLAGS = $(INC_SRC)
libsupervisor_a_SOURCES = \
	src/supervisor/clients.c \
	src/supervisor/logfile.c src/supervisor/logfile.h \
	src/supervisor/main.c \
	src/supervisor/start.h \
	src/supervisor/streams.c src/supervisor/supervisor.h

if HAVE_CMOCKA
check_PROGRAMS += test_logfile
TESTS += test_logfile
test_logfile_SOURCES = tests/unit/test_logfile.c
test_logfile_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_logfile_LDADD = libsupervisor.a libbase.a $(CMOCKA_LIBS)
endif
