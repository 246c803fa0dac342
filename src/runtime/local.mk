# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libruntime.a
libruntime_a_CPPFLAGS = $(INC_SRC) -I.
libruntime_a_SOURCES = \
	src/runtime/caps.c \
	src/runtime/cgroup.c src/runtime/cgroup.h \
	src/runtime/cgroup_find.c src/runtime/cgroup_find.h \
	src/runtime/cgroup_set.c src/runtime/cgroup_set.h \
	src/runtime/cgroup_value.c src/runtime/cgroup_value.h \
	src/runtime/command.c src/runtime/command.h \
	src/runtime/cpulist.c src/runtime/cpulist.h \
	src/runtime/create.c src/runtime/ctr.h \
	src/runtime/enforced.c src/runtime/enforced.h \
	src/runtime/exec.c src/runtime/exec.h \
	src/runtime/hidden.c src/runtime/hidden.h \
	src/runtime/hostdiag.c src/runtime/hostdiag.h \
	src/runtime/idmap.c src/runtime/idmap.h \
	src/runtime/inside.c src/runtime/inside.h \
	src/runtime/join.c \
	src/runtime/joinreport.c src/runtime/joinreport.h \
	src/runtime/limits.c src/runtime/limits.h \
	src/runtime/live.c src/runtime/live.h \
	src/runtime/logout.c src/runtime/logout.h \
	src/runtime/mnt.c src/runtime/mnt.h \
	src/runtime/mounts.c \
	src/runtime/oneid.c src/runtime/oneid.h \
	src/runtime/oom.c src/runtime/oom.h \
	src/runtime/observe.c src/runtime/observe.h \
	src/runtime/pidtree.c src/runtime/pidtree.h \
	src/runtime/pid1.c src/runtime/pid1.h \
	src/runtime/plan.c src/runtime/plan.h \
	src/runtime/pty.c src/runtime/pty.h \
	src/runtime/probe.c src/runtime/probe.h \
	src/runtime/mountinfo.c src/runtime/mountinfo.h \
	src/runtime/probe_limits.c src/runtime/probe_net.c src/runtime/probe_ns.c \
	src/runtime/probe_paths.c src/runtime/probe_store.c src/runtime/probe_who.c \
	src/runtime/probe_row.h \
	src/runtime/rootcaller.c src/runtime/rootcaller.h \
	src/runtime/rootfs.c src/runtime/rootfs.h src/runtime/rootfs_driver.h \
	src/runtime/rootfs_fusebox.c src/runtime/rootfs_fusebox.h \
	src/runtime/rootfs_fuse.c src/runtime/rootfs_overlay.c \
	src/runtime/rootfs_try.c src/runtime/rootfs_try.h \
	src/runtime/seccomp.c src/runtime/seccomp.h \
	src/runtime/signals.c \
	src/runtime/tune.c src/runtime/tune.h \
	src/runtime/upper.c src/runtime/upper.h \
	src/runtime/usage.c src/runtime/usage.h \
	src/runtime/userns.c src/runtime/userns.h \
	src/runtime/userns_join.c \
	src/runtime/users.c src/runtime/users.h \
	src/runtime/views.c src/runtime/views.h \
	src/runtime/volumes.c

# The filter of the process that writes id maps for a root caller (rootcaller.c).
BUILT_SOURCES += mapper_filter.h
CLEANFILES += mapper_filter.h
mapper_filter.h: seccomp-gen$(EXEEXT) src/runtime/rootcaller.c
	$(AM_V_GEN)$(SECCOMP_GEN) filter mapper mapper $(filter %.c,$^) >$@.tmp && mv $@.tmp $@

if HAVE_CMOCKA
check_PROGRAMS += test_cgroup test_idmap test_ctrwords test_joinreport test_limits test_live test_logout test_seccomp test_upper test_users test_views
TESTS += test_cgroup test_idmap test_ctrwords test_joinreport test_limits test_live test_logout test_seccomp test_upper test_users test_views
test_cgroup_SOURCES = tests/unit/test_cgroup.c tests/unit/cm.h
test_cgroup_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_cgroup_LDADD = libruntime.a libstorage.a liboci.a libbase.a $(CMOCKA_LIBS)
test_idmap_SOURCES = tests/unit/test_idmap.c
test_idmap_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_idmap_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS)
test_live_SOURCES = tests/unit/test_live.c tests/unit/cm.h
test_live_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_live_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS)
test_live_LDFLAGS = -pthread
test_views_SOURCES = tests/unit/test_views.c
test_views_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_views_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS)
test_joinreport_SOURCES = tests/unit/test_joinreport.c tests/unit/cm.h
test_joinreport_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_joinreport_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS)
test_ctrwords_SOURCES = tests/unit/test_ctrwords.c
test_ctrwords_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_ctrwords_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS)
test_logout_SOURCES = tests/unit/test_logout.c tests/unit/cm.h
test_logout_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_logout_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS)
test_limits_SOURCES = tests/unit/test_limits.c tests/unit/tempdir.h
test_limits_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_limits_LDADD = libruntime.a libstorage.a liboci.a libbase.a $(CMOCKA_LIBS)
check_PROGRAMS += test_ladder
TESTS += test_ladder
test_ladder_SOURCES = tests/unit/test_ladder.c
test_ladder_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_ladder_LDADD = libruntime.a libstorage.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) \
	$(CMOCKA_LIBS)
test_seccomp_SOURCES = tests/unit/test_seccomp.c
test_seccomp_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS) $(SECCOMP_CFLAGS)
test_seccomp_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS) $(SECCOMP_LIBS)
test_upper_SOURCES = tests/unit/test_upper.c
test_upper_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_upper_LDADD = libruntime.a libstorage.a liboci.a libbase.a $(CMOCKA_LIBS)
test_users_SOURCES = tests/unit/test_users.c
test_users_CPPFLAGS = $(INC_SRC) $(CMOCKA_CFLAGS)
test_users_LDADD = libruntime.a libbase.a $(CMOCKA_LIBS)
endif

# What /proc tells of hostile processes.
check_PROGRAMS += tests/fuzz/fuzz_proctext
TESTS += tests/fuzz/fuzz_proctext
EXTRA_DIST += tests/fuzz/corpus/proctext
tests_fuzz_fuzz_proctext_SOURCES = tests/fuzz/fuzz_proctext.c tests/fuzz/fuzz_main.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_proctext_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/fuzz
tests_fuzz_fuzz_proctext_LDADD = libruntime.a libbase.a
