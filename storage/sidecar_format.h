/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "storage/sidecar.h"

/*
 * The bytes of a sidecar, little endian, as doc/format-layer.md has them. Only sidecar*.c include
 * this.
 */
enum {
	SIDECAR_VERSION = 1,
	SIDECAR_HEADER_SIZE = 512, /* one disk sector */
	SIDECAR_RECORD_SIZE = 128,
	SIDECAR_TRAILER_SIZE = 16,
	SIDECAR_SECTIONS_MAX = 8,
	SIDECAR_TARSPLIT_HEAD = 16, /* u8 codec, 7 zeros, u64 plain length */
	SIDECAR_XATTR_HEAD = 6,	    /* u16 name length, u32 value length */
};

enum sidecar_section_type {
	SIDECAR_SECTION_NONE = 0,
	SIDECAR_SECTION_RECORDS = 1,
	SIDECAR_SECTION_HEAP = 2,
	SIDECAR_SECTION_TARSPLIT = 3,
	SIDECAR_SECTION_SOURCES = 4, /* reserved */
};

struct sidecar_section {
	uint32_t type;
	uint64_t offset, length;
};

struct sidecar_raw_header {
	struct sidecar_header h;
	struct sidecar_section sections[SIDECAR_SECTIONS_MAX];
};

/* A record as stored; strings by their place in the heap section. */
struct sidecar_raw_record {
	uint64_t path_off, link_off, xattrs_off;
	struct sidecar_entry e; /* its pointers are not used */
};

void sidecar_encode_tarsplit(unsigned codec, uint64_t plain_len,
			     uint8_t out[SIDECAR_TARSPLIT_HEAD]);
void sidecar_decode_tarsplit(const uint8_t in[SIDECAR_TARSPLIT_HEAD], unsigned *ret_codec,
			     uint64_t *ret_plain_len);

/* CRC-32C, eight bytes a step. */
struct crc32c {
	uint32_t table[8][256];
};
void crc32c_init(struct crc32c *c);
uint32_t crc32c_update(const struct crc32c *c, uint32_t crc, const void *p, size_t n);

void sidecar_encode_header(const struct sidecar_raw_header *h, uint8_t out[SIDECAR_HEADER_SIZE]);
/* -EBADMSG: not ours or torn; -EOPNOTSUPP: a later version. */
int sidecar_decode_header(const uint8_t in[SIDECAR_HEADER_SIZE],
			  struct sidecar_raw_header *ret) _nodiscard_;
void sidecar_encode_record(const struct sidecar_raw_record *r, uint8_t out[SIDECAR_RECORD_SIZE]);
void sidecar_decode_record(const uint8_t in[SIDECAR_RECORD_SIZE], struct sidecar_raw_record *ret);
void sidecar_encode_trailer(uint32_t crc, uint64_t file_size, uint8_t out[SIDECAR_TRAILER_SIZE]);
int sidecar_check_trailer(const uint8_t in[SIDECAR_TRAILER_SIZE], uint32_t crc,
			  uint64_t file_size) _nodiscard_;

/* Order of paths: by component, so that what is below a directory follows it. */
int sidecar_path_cmp(const char *a, size_t a_len, const char *b, size_t b_len);
/* Is `path` below `dir` (not equal)? Everything is below "". */
bool sidecar_path_below(const char *path, size_t n, const char *dir, size_t dir_len);
