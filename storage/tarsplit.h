/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "storage/squeeze.h"

/*
 * What of an archive is not in the tree: headers, padding, data of entries that are dropped, in
 * order, and between them which bytes of which file come (doc/format-layer.md). With the tree it
 * makes the exact archive again.
 */
struct tarsplit;

/* What was written: in an unlinked file that the tarsplit owns. */
struct tarsplit_part {
	unsigned codec; /* enum squeeze_codec */
	uint64_t plain; /* bytes before compression */
	int fd;
	uint64_t size; /* bytes in it */
};

/* squeeze: NULL = stored plain. Beyond `limit` plain bytes it gives up: nothing is left of it. */
int tarsplit_new(int dirfd, const struct squeeze *squeeze, uint64_t limit,
		 struct tarsplit **ret) _nodiscard_;
void tarsplit_free(struct tarsplit *t);
static inline void tarsplit_freep(struct tarsplit **t)
{
	tarsplit_free(*t);
}
/* Bytes as they are. */
int tarsplit_bytes(struct tarsplit *t, const void *p, size_t n) _nodiscard_;
/* The data that follow are of this file of the tree; then its pieces in the archive's order. */
int tarsplit_file(struct tarsplit *t, const char *path) _nodiscard_;
int tarsplit_data(struct tarsplit *t, uint64_t offset, uint64_t length) _nodiscard_;
/* 1: *ret is all; 0: it gave up. */
int tarsplit_end(struct tarsplit *t, struct tarsplit_part *ret) _nodiscard_;

/* As untar_source. */
typedef int (*tarsplit_source)(void *ctx, const unsigned char **ret, size_t *ret_len);
typedef int (*tarsplit_sink)(void *ctx, const void *p, size_t n);

/*
 * Make the archive again: `source` gives the plain form piece by piece, as for untar. -EUCLEAN
 * where the tree has not what it should; only the diff-id tells that it has.
 */
int tarsplit_rebuild(tarsplit_source source, void *source_ctx, int tree_fd, tarsplit_sink sink,
		     void *sink_ctx, struct error *err) _nodiscard_;
