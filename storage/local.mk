# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libstorage.a
libstorage_a_CPPFLAGS = $(INC_STORAGE)
libstorage_a_SOURCES = \
	storage/rmtree.c storage/rmtree.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_rmtree
TESTS += tests/unit/test_rmtree
tests_unit_test_rmtree_SOURCES = tests/unit/test_rmtree.c
tests_unit_test_rmtree_CPPFLAGS = $(INC_STORAGE) $(CMOCKA_CFLAGS)
tests_unit_test_rmtree_LDADD = libstorage.a libbase.a $(CMOCKA_LIBS)
endif
