# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libregistry.a
libregistry_a_CPPFLAGS = $(INC_SRC) $(CURL_CFLAGS) $(JSONC_CFLAGS)
libregistry_a_SOURCES = \
	src/registry/authfile.c src/registry/authfile.h \
	src/registry/failure.c \
	src/registry/fetch.c src/registry/fetch.h \
	src/registry/http.c src/registry/http.h \
	src/registry/httphdr.c src/registry/httphdr.h \
	src/registry/registry.c src/registry/registry.h \
	src/registry/token.c
