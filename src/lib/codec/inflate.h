/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * Streaming decompression of layers. What the bytes are is told by their first ones, as docker and
 * containerd do: media types in the wild are wrong too often, and the diff-id decides anyway.
 * Several gzip members or zstd frames in a row are one stream; what follows the last gzip member
 * and is none (padding) is read and ignored.
 */
enum inflate_kind {
	INFLATE_PLAIN,
	INFLATE_GZIP, /* ISA-L, else zlib */
	INFLATE_ZSTD,
	INFLATE_XZ, /* this one and the next are only known by their looks */
	INFLATE_BZIP2,
};

enum {
	INFLATE_MAGIC = 10,
	INFLATE_WINDOW_LOG_MAX = 27, /* zstd: memory that a layer may ask for, 128 MiB */
};

/* n < INFLATE_MAGIC only when the whole stream is that short. */
enum inflate_kind inflate_detect(const uint8_t *p, size_t n);

const char *inflate_name(enum inflate_kind kind);

struct inflate;

/* -EOPNOTSUPP: this build has no such decoder. */
int inflate_new(enum inflate_kind kind, struct inflate **ret) _nodiscard_;
void inflate_free(struct inflate *f);
static inline void inflate_freep(struct inflate **f)
{
	inflate_free(*f);
}

/*
 * Takes from *in and *n_in (both are advanced) and fills out[0..cap). *ret_n is what was written;
 * less than cap: the input is used up. -EBADMSG: the stream is damaged;
 * -EFBIG: it asks for a larger window than INFLATE_WINDOW_LOG_MAX.
 */
int inflate_run(struct inflate *f, const uint8_t **in, size_t *n_in, uint8_t *out, size_t cap,
		size_t *ret_n) _nodiscard_;
/* After all input: was the stream complete? -ENODATA: it ends early. */
int inflate_end(struct inflate *f) _nodiscard_;
