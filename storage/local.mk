# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libstorage.a
libstorage_a_CPPFLAGS = $(INC_STORAGE)
libstorage_a_SOURCES = \
	storage/dirstack.c storage/dirstack.h \
	storage/rmtree.c storage/rmtree.h \
	storage/sidecar.c storage/sidecar.h \
	storage/sidecar_format.c storage/sidecar_format.h \
	storage/sidecar_verify.c storage/sidecar_write.c \
	storage/tar.c storage/tar.h \
	storage/tar_pax.c storage/tar_pax.h \
	storage/untar.c storage/untar.h \
	storage/untar_tree.c storage/untar_tree.h

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
endif
