# SPDX-License-Identifier: Apache-2.0
# Tests of unpacking: tar, untar, sidecar, rmtree.
check_PROGRAMS += tests/unit/untar_tool
tests_unit_untar_tool_SOURCES = tests/unit/untar_tool.c
tests_unit_untar_tool_CPPFLAGS = $(INC_STORAGE)
tests_unit_untar_tool_LDADD = libstorage.a liboci.a libbase.a

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_rmtree
TESTS += tests/unit/test_rmtree
tests_unit_test_rmtree_SOURCES = tests/unit/test_rmtree.c
tests_unit_test_rmtree_CPPFLAGS = $(INC_STORAGE) $(CMOCKA_CFLAGS)
tests_unit_test_rmtree_LDADD = libstorage.a libbase.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_tar
TESTS += tests/unit/test_tar
tests_unit_test_tar_SOURCES = tests/unit/test_tar.c tests/unit/tarmake.c tests/unit/tarmake.h
tests_unit_test_tar_CPPFLAGS = $(INC_STORAGE) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
tests_unit_test_tar_LDADD = libstorage.a liboci.a libbase.a $(CMOCKA_LIBS)

untar_tests = tests/unit/test_untar tests/unit/test_untar_meta tests/unit/test_untar_random
check_PROGRAMS += $(untar_tests)
TESTS += $(untar_tests)
untar_box_sources = tests/unit/untar_box.c tests/unit/untar_box.h \
	tests/unit/tarmake.c tests/unit/tarmake.h
untar_test_cppflags = $(INC_STORAGE) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
untar_test_ldadd = libstorage.a liboci.a libbase.a $(CMOCKA_LIBS)
tests_unit_test_untar_SOURCES = tests/unit/test_untar.c $(untar_box_sources)
tests_unit_test_untar_CPPFLAGS = $(untar_test_cppflags)
tests_unit_test_untar_LDADD = $(untar_test_ldadd)
tests_unit_test_untar_meta_SOURCES = tests/unit/test_untar_meta.c $(untar_box_sources)
tests_unit_test_untar_meta_CPPFLAGS = $(untar_test_cppflags)
tests_unit_test_untar_meta_LDADD = $(untar_test_ldadd)
tests_unit_test_untar_random_SOURCES = tests/unit/test_untar_random.c $(untar_box_sources)
tests_unit_test_untar_random_CPPFLAGS = $(untar_test_cppflags)
tests_unit_test_untar_random_LDADD = $(untar_test_ldadd)

if HAVE_ARCHIVE
check_PROGRAMS += tests/unit/test_untar_oracle
TESTS += tests/unit/test_untar_oracle
tests_unit_test_untar_oracle_SOURCES = tests/unit/test_untar_oracle.c $(untar_box_sources)
tests_unit_test_untar_oracle_CPPFLAGS = $(untar_test_cppflags) $(ARCHIVE_CFLAGS)
tests_unit_test_untar_oracle_LDADD = $(untar_test_ldadd) $(ARCHIVE_LIBS)
endif
endif

fuzz_storage = tests/fuzz/fuzz_tar tests/fuzz/fuzz_sidecar
check_PROGRAMS += $(fuzz_storage)
TESTS += $(fuzz_storage)
EXTRA_DIST += tests/fuzz/corpus/tar tests/fuzz/corpus/sidecar
fuzz_frame = tests/fuzz/fuzz_main.c tests/fuzz/fuzz.h
fuzz_storage_cppflags = $(INC_STORAGE) -I$(top_srcdir)/tests/fuzz
fuzz_storage_ldadd = libstorage.a liboci.a libbase.a
tests_fuzz_fuzz_tar_SOURCES = tests/fuzz/fuzz_tar.c $(fuzz_frame)
tests_fuzz_fuzz_tar_CPPFLAGS = $(fuzz_storage_cppflags)
tests_fuzz_fuzz_tar_LDADD = $(fuzz_storage_ldadd)
tests_fuzz_fuzz_sidecar_SOURCES = tests/fuzz/fuzz_sidecar.c $(fuzz_frame)
tests_fuzz_fuzz_sidecar_CPPFLAGS = $(fuzz_storage_cppflags)
tests_fuzz_fuzz_sidecar_LDADD = $(fuzz_storage_ldadd)
