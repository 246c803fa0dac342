# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libregistry.a
libregistry_a_CPPFLAGS = $(INC_SRC) $(CURL_CFLAGS) $(JSONC_CFLAGS)
libregistry_a_SOURCES = \
	src/registry/authfile.c src/registry/authfile.h \
	src/registry/certs.c src/registry/certs.h \
	src/registry/failure.c \
	src/registry/fetch.c src/registry/fetch.h \
	src/registry/http.c src/registry/http.h \
	src/registry/httphdr.c src/registry/httphdr.h \
	src/registry/registry.c src/registry/registry.h \
	src/registry/token.c \
	src/registry/tokendoc.c src/registry/tokendoc.h

check_PROGRAMS += tests/fuzz/fuzz_httphdr
TESTS += tests/fuzz/fuzz_httphdr
EXTRA_DIST += tests/fuzz/corpus/httphdr
tests_fuzz_fuzz_httphdr_SOURCES = tests/fuzz/fuzz_httphdr.c $(fuzz_oci_frame)
tests_fuzz_fuzz_httphdr_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/fuzz
tests_fuzz_fuzz_httphdr_LDADD = libregistry.a liboci.a libcodec.a libbase.a $(JSONC_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += test_httphdr
TESTS += test_httphdr
test_httphdr_SOURCES = tests/unit/test_httphdr.c
test_httphdr_CPPFLAGS = $(INC_SRC) -I$(top_srcdir)/tests/unit $(CMOCKA_CFLAGS)
test_httphdr_LDADD = libregistry.a liboci.a libcodec.a libbase.a $(JSONC_LIBS) $(CMOCKA_LIBS)
endif
