/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "oci/digest.h"

/*
 * The store's small text files (doc/format-store.md):
 *	carrel-KIND VERSION
 *	key=value
 *	end
 * One line per fact, keys may repeat, unknown keys are skipped, the last line tells a whole file
 * from a torn one. Writing needs no allocation: the supervisor does it after it has given up
 * everything. Parsing is a pure function over (pointer, length).
 */
struct textrec_writer {
	char *buf;
	size_t size, len;
	bool failed;
};

void textrec_begin(struct textrec_writer *w, char *buf, size_t size, const char *kind,
		   unsigned version);
/* Control characters in the value become '?'. */
void textrec_add(struct textrec_writer *w, const char *key, const char *value);
void textrec_add_u64(struct textrec_writer *w, const char *key, uint64_t value);
/* Nothing when it is unset. */
void textrec_add_digest(struct textrec_writer *w, const char *key, const struct digest *d);
/* -EMSGSIZE: the buffer was too small. */
int textrec_end(struct textrec_writer *w, size_t *ret_len) _nodiscard_;

/* Borrows the text. */
struct textrec {
	const char *body;
	size_t len;
};

/* -EINVAL: another kind, or torn. -EPROTONOSUPPORT: of a newer version. */
int textrec_parse(const char *text, size_t len, const char *kind, unsigned version,
		  struct textrec *ret) _nodiscard_;
/* The next line with this key at or after *pos (start with 0). */
bool textrec_next(const struct textrec *rec, size_t *pos, const char *key, const char **ret_value,
		  size_t *ret_len);
/* The first such line. -ENODATA: there is none. -ENAMETOOLONG. */
int textrec_get(const struct textrec *rec, const char *key, char *buf, size_t size) _nodiscard_;
int textrec_get_u64(const struct textrec *rec, const char *key, uint64_t *ret) _nodiscard_;
int textrec_get_digest(const struct textrec *rec, const char *key, struct digest *ret) _nodiscard_;
