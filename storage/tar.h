/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * Reader of tar headers: v7, ustar, pax (x and g), GNU (L, K, S, base-256) and the GNU sparse forms
 * 0.0, 0.1 and 1.0. No I/O: the caller hands over blocks that it has copied into memory of its own.
 * Where readers in the field differ it decides as Go's archive/tar does, because that is what
 * wrote and read the image before us: sizes on links and directories mean no data, a later x
 * replaces an earlier one, L wins over a pax path.
 */
enum {
	TAR_BLOCK = 512,
	TAR_PATH_MAX = 4096,		/* bytes of a path or link target, with the NUL */
	TAR_EXT_MAX = 1 << 20,		/* one extended header */
	TAR_GLOBAL_MAX = 64 << 10,	/* all pax g headers together */
	TAR_EXT_CHAIN_MAX = 32,		/* extended headers before one entry */
	TAR_XATTRS_MAX = 128,		/* per entry */
	TAR_XATTR_NAME_MAX = 255,	/* the kernel's */
	TAR_XATTR_VALUE_MAX = 64 << 10, /* the kernel's */
	TAR_SPARSE_MAX = 1 << 20,	/* data segments of one sparse file */
};

enum tar_type {
	TAR_FILE,
	TAR_HARDLINK,
	TAR_SYMLINK,
	TAR_CHARDEV,
	TAR_BLOCKDEV,
	TAR_DIR,
	TAR_FIFO,
	TAR_IGNORED, /* a volume label: skip its data */
};

struct tar_xattr {
	const char *name; /* not terminated */
	size_t name_len;
	const char *value;
	size_t value_len;
};

struct tar_segment {
	uint64_t offset, length;
};

/* Everything borrowed from the parser, valid until its next call. */
struct tar_entry {
	enum tar_type type;
	const char *path; /* raw, not cleaned */
	const char *link;
	uint32_t mode;	  /* permission bits, 07777 */
	int64_t uid, gid; /* as in the archive */
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t major, minor;
	uint64_t size; /* of the file, holes counted */
	uint64_t body; /* bytes of data that follow, before the padding */
	bool is_sparse;
	const struct tar_segment *segments; /* ascending, inside size, lengths sum up to body */
	size_t n_segments;
	const struct tar_xattr *xattrs; /* names are unique */
	size_t n_xattrs;
};

struct tar_parser;

enum tar_want {
	TAR_WANT_BLOCK, /* the next block */
	TAR_WANT_EXT,	/* fill tar_parser_ext() and its padding, then tar_parser_ext_done() */
	TAR_ENTRY,	/* tar_parser_entry(); then its body and padding, then the next block */
	TAR_END,	/* two zero blocks: what follows is not looked at */
};

struct tar_parser *tar_parser_new(void) __attribute__((returns_nonnull));
void tar_parser_free(struct tar_parser *p);
static inline void tar_parser_freep(struct tar_parser **p)
{
	tar_parser_free(*p);
}

/* One block. enum tar_want, or -EBADMSG, -EFBIG, -ENAMETOOLONG, -EOPNOTSUPP. */
int tar_parser_block(struct tar_parser *p, const unsigned char block[TAR_BLOCK]) _nodiscard_;
/* After TAR_WANT_EXT: where to put the body (padding is the caller's to skip). */
char *tar_parser_ext(struct tar_parser *p, size_t *ret_size);
int tar_parser_ext_done(struct tar_parser *p) _nodiscard_;
/* The stream ended at a block boundary: 0 where an archive may end, else -ENODATA. */
int tar_parser_eof(struct tar_parser *p) _nodiscard_;
const struct tar_entry *tar_parser_entry(const struct tar_parser *p);
/* What is wrong, for messages: a constant string. */
const char *tar_parser_why(const struct tar_parser *p);

/* Bytes of padding after a body of this size. */
static inline uint64_t tar_padding(uint64_t size)
{
	return -size & (TAR_BLOCK - 1);
}
