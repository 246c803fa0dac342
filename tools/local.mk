# SPDX-License-Identifier: Apache-2.0

# A container of plain directories: for work on src/runtime without a store.
noinst_PROGRAMS += ctr-run
ctr_run_SOURCES = tools/ctr-run.c
ctr_run_CPPFLAGS = $(INC_SRC)
ctr_run_LDADD = libruntime.a libbase.a
noinst_PROGRAMS += ctr-exec
ctr_exec_SOURCES = tools/ctr-exec.c
ctr_exec_CPPFLAGS = $(INC_SRC)
ctr_exec_LDADD = libruntime.a libbase.a
