# SPDX-License-Identifier: Apache-2.0
carrellibexec_PROGRAMS += transfer
transfer_CPPFLAGS = $(INC_SRC) $(CURL_CFLAGS) $(JSONC_CFLAGS)
transfer_CFLAGS = $(AM_CFLAGS) -pthread
transfer_SOURCES = \
	src/transfer/confine.c src/transfer/confine.h \
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
	src/transfer/wire.h
transfer_LDADD = libregistry.a libruntime.a libstorage.a liboci.a $(CODEC_LIBS) $(CURL_LIBS)
