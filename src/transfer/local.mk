# SPDX-License-Identifier: Apache-2.0
carrellibexec_PROGRAMS += transfer
transfer_CPPFLAGS = $(INC_SRC) $(CURL_CFLAGS) $(JSONC_CFLAGS)
transfer_CFLAGS = $(AM_CFLAGS) -pthread
transfer_SOURCES = \
	src/transfer/bomb.c src/transfer/bomb.h \
	src/transfer/box.c src/transfer/box.h \
	src/transfer/confine.c src/transfer/confine.h \
	src/transfer/content.c src/transfer/content.h \
	src/transfer/decode.c src/transfer/decode.h \
	src/transfer/documents.c \
	src/transfer/fetcher.c src/transfer/fetcher.h \
	src/transfer/intake.c src/transfer/intake.h \
	src/transfer/layers.c \
	src/transfer/layout.c src/transfer/layout.h \
	src/transfer/main.c \
	src/transfer/progress.c src/transfer/progress.h \
	src/transfer/pull.c src/transfer/pull.h \
	src/transfer/ring.c src/transfer/ring.h \
	src/transfer/unpack.c src/transfer/unpack.h \
	src/transfer/verify.c src/transfer/verify.h \
	src/transfer/wire.c src/transfer/wire.h
nodist_transfer_SOURCES = transferfetch_filter.h transferunpack_filter.h
BUILT_SOURCES += transferfetch_filter.h transferunpack_filter.h
CLEANFILES += transferfetch_filter.h transferunpack_filter.h
transferfetch_filter.h: seccomp-gen$(EXEEXT) src/transfer/fetcher.c src/transfer/layout.c \
		src/transfer/ring.c src/registry/http.c
	$(AM_V_GEN)$(SECCOMP_GEN) filter transferfetch fetch $(filter %.c,$^) >$@.tmp && mv $@.tmp $@
transferunpack_filter.h: seccomp-gen$(EXEEXT) src/transfer/unpack.c src/transfer/ring.c \
		storage/dirstack.c \
		storage/rmtree.c \
		storage/sidecar.c \
		storage/sidecar_write.c \
		storage/tarsplit.c \
		storage/untar.c \
		storage/untar_tree.c \
		storage/untar_walk.c
	$(AM_V_GEN)$(SECCOMP_GEN) filter transferunpack unpack $(filter %.c,$^) >$@.tmp && mv $@.tmp $@
transfer_LDADD = libregistry.a libruntime.a libstorage.a liboci.a $(CODEC_LIBS) $(CURL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_wire
TESTS += tests/fuzz/fuzz_wire
EXTRA_DIST += tests/fuzz/corpus/wire
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c $(fuzz_oci_frame) src/transfer/wire.c \
	src/transfer/wire.h
tests_fuzz_fuzz_wire_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/fuzz
tests_fuzz_fuzz_wire_LDADD = liboci.a libbase.a

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_tarsplit
TESTS += tests/unit/test_tarsplit
tests_unit_test_tarsplit_SOURCES = tests/unit/test_tarsplit.c $(untar_box_sources) \
	src/transfer/content.c src/transfer/content.h
tests_unit_test_tarsplit_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
tests_unit_test_tarsplit_LDADD = libstorage.a liboci.a $(CODEC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_content
TESTS += tests/unit/test_content
tests_unit_test_content_SOURCES = tests/unit/test_content.c $(untar_box_sources) \
	src/transfer/content.c src/transfer/content.h
tests_unit_test_content_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
tests_unit_test_content_LDADD = libstorage.a liboci.a $(CODEC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test_bomb
TESTS += test_bomb
test_bomb_SOURCES = tests/unit/test_bomb.c src/transfer/bomb.c src/transfer/bomb.h
test_bomb_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_bomb_LDADD = libbase.a $(CMOCKA_LIBS)

check_PROGRAMS += test_ring
TESTS += test_ring
test_ring_SOURCES = tests/unit/test_ring.c src/transfer/ring.c src/transfer/ring.h \
	src/transfer/intake.c src/transfer/intake.h
test_ring_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_ring_CFLAGS = $(AM_CFLAGS) -pthread
test_ring_LDADD = libbase.a $(CMOCKA_LIBS)
endif
