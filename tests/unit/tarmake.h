/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Archives made by hand, also wrong ones, for the tests of the tar reader. */
struct tarmake {
	uint8_t *p;
	size_t n, cap;
};

/* What a header says; zeros are fine. */
struct tarmake_entry {
	char type;
	const char *name, *link;
	uint32_t mode;
	uint64_t uid, gid;
	int64_t mtime;
	uint64_t size; /* as told; data may be shorter or absent */
	const void *data;
	size_t data_len;
	const char *magic; /* 8 bytes; NULL = "ustar\0" "00" */
	const char *prefix;
	unsigned major, minor;
};

void tarmake_done(struct tarmake *t);
void tarmake_bytes(struct tarmake *t, const void *p, size_t n);
/* Header and data with padding; data_len also sets the size where that is 0. */
void tarmake_add(struct tarmake *t, const struct tarmake_entry *e);
/* Short forms. */
void tarmake_file(struct tarmake *t, const char *name, const char *text);
void tarmake_dir(struct tarmake *t, const char *name);
void tarmake_link(struct tarmake *t, char type, const char *name, const char *link);
/* One extended header with these records: key, value, ..., NULL. */
void tarmake_pax(struct tarmake *t, int type, ...) __attribute__((sentinel));
/* GNU L or K. */
void tarmake_long(struct tarmake *t, char type, const char *name);
void tarmake_end(struct tarmake *t);
/* The last header block, to be changed; then its checksum. */
uint8_t *tarmake_last(struct tarmake *t, size_t blocks_back);
void tarmake_sum(uint8_t *block);
