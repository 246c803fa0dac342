# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libstorage.a
libstorage_a_CPPFLAGS = $(INC_STORAGE)
libstorage_a_SOURCES = \
	storage/container.c storage/container.h \
	storage/ctrname.c storage/ctrname.h \
	storage/ctrrec.c storage/ctrrec.h \
	storage/ctrstate.c storage/ctrstate.h \
	storage/dirstack.c storage/dirstack.h \
	storage/fault.c storage/fault.h \
	storage/gc.c storage/gc.h \
	storage/hash.h \
	storage/image.c storage/image.h \
	storage/imgrec.c storage/imgrec.h \
	storage/imgremove.c \
	storage/layer.c storage/layer.h \
	storage/marker.c storage/marker.h \
	storage/owners.c storage/owners.h \
	storage/textrec.c storage/textrec.h \
	storage/ref.c storage/ref.h \
	storage/refname.c storage/refname.h \
	storage/rmtree.c storage/rmtree.h \
	storage/sidecar.c storage/sidecar.h \
	storage/sidecar_format.c storage/sidecar_format.h \
	storage/sidecar_verify.c storage/sidecar_write.c \
	storage/setid.c storage/setid.h \
	storage/skeleton.c storage/skeleton.h \
	storage/squeeze.h \
	storage/staging.c storage/staging.h \
	storage/store.c storage/store.h \
	storage/sweep.c storage/sweep.h \
	storage/tar.c storage/tar.h \
	storage/tar_pax.c storage/tar_pax.h \
	storage/tarsplit.c storage/tarsplit.h storage/tarsplit_format.h \
	storage/tarsplit_rebuild.c \
	storage/untar.c storage/untar.h \
	storage/untar_tree.c storage/untar_tree.h \
	storage/untar_walk.c storage/untar_walk.h

include storage/untar.mk

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_textrec
TESTS += tests/unit/test_textrec
tests_unit_test_textrec_SOURCES = tests/unit/test_textrec.c
tests_unit_test_textrec_CPPFLAGS = $(INC_STORAGE) $(CMOCKA_CFLAGS)
tests_unit_test_textrec_LDADD = libstorage.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_store
TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c tests/unit/teststore.h
tests_unit_test_store_CPPFLAGS = $(INC_STORAGE) $(CMOCKA_CFLAGS)
tests_unit_test_store_LDADD = libstorage.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_image
TESTS += tests/unit/test_image
tests_unit_test_image_SOURCES = tests/unit/test_image.c tests/unit/teststore.h
tests_unit_test_image_CPPFLAGS = $(INC_STORAGE) $(CMOCKA_CFLAGS)
tests_unit_test_image_LDADD = libstorage.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_container
TESTS += tests/unit/test_container
tests_unit_test_container_SOURCES = tests/unit/test_container.c tests/unit/teststore.h
tests_unit_test_container_CPPFLAGS = $(INC_STORAGE) $(CMOCKA_CFLAGS)
tests_unit_test_container_LDADD = libstorage.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_textrec
TESTS += tests/fuzz/fuzz_textrec
EXTRA_DIST += tests/fuzz/corpus/textrec
tests_fuzz_fuzz_textrec_SOURCES = tests/fuzz/fuzz_textrec.c $(fuzz_frame)
tests_fuzz_fuzz_textrec_CPPFLAGS = $(fuzz_storage_cppflags)
tests_fuzz_fuzz_textrec_LDADD = libstorage.a liboci.a libcodec.a libbase.a $(JSONC_LIBS)
