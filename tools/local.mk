# SPDX-License-Identifier: Apache-2.0

# A container of plain directories: for work on src/runtime without a store.
noinst_PROGRAMS += ctr-run
ctr_run_SOURCES = tools/ctr-run.c
ctr_run_CPPFLAGS = $(INC_SRC)
ctr_run_LDADD = libruntime.a libstorage.a liboci.a libbase.a
noinst_PROGRAMS += ctr-exec
ctr_exec_SOURCES = tools/ctr-exec.c
ctr_exec_CPPFLAGS = $(INC_SRC)
ctr_exec_LDADD = libruntime.a libbase.a

# System call filters as C arrays (tools/seccomp-gen.c). A helper program adds, in its local.mk:
#	BUILT_SOURCES += NAME_filter.h
#	NAME_filter.h: seccomp-gen$(EXEEXT) $(NAME_SOURCES)
#		$(AM_V_GEN)$(SECCOMP_GEN) filter NAME "" $(filter %.c,$^) >$@.tmp && mv $@.tmp $@
# and includes "NAME_filter.h" with -I. in its CPPFLAGS.
noinst_PROGRAMS += seccomp-gen
seccomp_gen_SOURCES = tools/seccomp-gen.c src/runtime/caps.c
seccomp_gen_CPPFLAGS = $(INC_SRC) $(SECCOMP_CFLAGS)
seccomp_gen_LDADD = libbase.a $(SECCOMP_LIBS)
SECCOMP_GEN = ./seccomp-gen$(EXEEXT)
EXTRA_DIST += tools/seccomp-profile.txt tools/seccomp-one-id.txt
BUILT_SOURCES += seccomp_default.h seccomp_one_id.h
CLEANFILES += seccomp_default.h seccomp_one_id.h
seccomp_default.h: seccomp-gen$(EXEEXT) tools/seccomp-profile.txt
	$(AM_V_GEN)$(SECCOMP_GEN) profile $(srcdir)/tools/seccomp-profile.txt >$@.tmp && mv $@.tmp $@
seccomp_one_id.h: seccomp-gen$(EXEEXT) tools/seccomp-one-id.txt
	$(AM_V_GEN)$(SECCOMP_GEN) answers $(srcdir)/tools/seccomp-one-id.txt >$@.tmp && mv $@.tmp $@

# carrel-host(7) from the rows of base/dcode.c.
noinst_PROGRAMS += hostman
hostman_SOURCES = tools/hostman.c
hostman_CPPFLAGS = $(INC_LIB)
hostman_LDADD = libbase.a
