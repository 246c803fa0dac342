/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "storage/tar.h"

/* The records of pax extended headers. Strings are borrowed from the header's memory. */
enum tar_pax_key {
	TAR_PAX_PATH = 1 << 0,
	TAR_PAX_LINK = 1 << 1,
	TAR_PAX_SIZE = 1 << 2,
	TAR_PAX_UID = 1 << 3,
	TAR_PAX_GID = 1 << 4,
	TAR_PAX_MTIME = 1 << 5,
	TAR_PAX_SPARSE_MAJOR = 1 << 6,
	TAR_PAX_SPARSE_MINOR = 1 << 7,
	TAR_PAX_SPARSE_NAME = 1 << 8,
	TAR_PAX_SPARSE_SIZE = 1 << 9,
	TAR_PAX_SPARSE_MAP = 1 << 10, /* 0.0 and 0.1: segments are here */
};

struct tar_pax {
	unsigned set; /* enum tar_pax_key */
	const char *path, *link, *sparse_name;
	size_t path_len, link_len, sparse_name_len;
	uint64_t size, uid, gid;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t sparse_major, sparse_minor, sparse_size;
	struct tar_segment *segments; /* owned */
	size_t n_segments, cap_segments;
	bool offset_open; /* 0.0: an offset waits for its numbytes */
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t n_xattrs;
	char *arena; /* owned: decoded LIBARCHIVE.xattr names and values */
	size_t arena_len, arena_size;
};

/*
 * Apply all records of one header on top of what is there: later wins, an empty value deletes.
 * The strings of `data` must outlive `pax`. *ret_why says what is wrong with a bad one.
 */
int tar_pax_parse(struct tar_pax *pax, const char *data, size_t n,
		  const char **ret_why) _nodiscard_;
/* Forget all values, keep the memory of segments. */
void tar_pax_clear(struct tar_pax *pax);
void tar_pax_done(struct tar_pax *pax);

/* Append a segment: -EBADMSG when it overlaps or overflows, -EFBIG past TAR_SPARSE_MAX. */
int tar_segments_add(struct tar_segment **segments, size_t *n, size_t *cap, uint64_t offset,
		     uint64_t length) _nodiscard_;
/* Decimal digits only. -EINVAL, -ERANGE. */
int tar_decimal(const char *s, size_t n, uint64_t *ret) _nodiscard_;
