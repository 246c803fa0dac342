# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libsupervisor.a
libsupervisor_a_CPPFLAGS = $(INC_SRC)
libsupervisor_a_SOURCES = \
	src/supervisor/clients.c \
	src/supervisor/logfile.c src/supervisor/logfile.h \
	src/supervisor/main.c \
	src/supervisor/start.h \
	src/supervisor/streams.c src/supervisor/supervisor.h
