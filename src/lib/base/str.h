/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix);

/* Copy with a terminator; -ENAMETOOLONG (and "" in buf) where it does not fit. */
int str_copy(char *buf, size_t size, const char *s) _nodiscard_;
/* snprintf that treats truncation as -ENAMETOOLONG. 0 on success. */
int str_print(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))) _nodiscard_;

/* Length of the valid UTF-8 sequence at s, n >= 1 bytes (RFC 3629: no overlong form, no surrogate),
 * else 0. */
size_t str_utf8_len(const unsigned char *s, size_t n);

/* The same for a character that is harmless on a terminal, else 0. Hostile names are shown: C0 and
 * C1 controls, the latter as single bytes and as U+0080 to U+009F, and the marks that reorder a
 * line (U+202A..E, U+2066..9) are not. */
size_t str_shown_len(const unsigned char *s, size_t n);
/* Each of those by '?', in place. */
void str_make_shown(char *s);

/*
 * A growing byte string with a hard maximum. After an add that would pass the maximum `failed`
 * stays set, nothing more is added and str_buf_end() reports -EFBIG: check once, at the end.
 */
struct str_buf {
	char *s; /* NUL-terminated once anything was added; NULL when empty */
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

void str_buf_init(struct str_buf *b, size_t max);
void str_buf_done(struct str_buf *b); /* for _cleanup_() too */
void str_buf_add(struct str_buf *b, const void *p, size_t n);
void str_buf_adds(struct str_buf *b, const char *s);
void str_buf_addc(struct str_buf *b, char c);
void str_buf_addf(struct str_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* JSON string literal with its quotes; bytes that are not UTF-8 become U+FFFD. */
void str_buf_add_json(struct str_buf *b, const char *s, size_t n);
/* JSON text of another writer. What it left raw and str_shown_len() refuses can only be in a
 * string, and is escaped. */
void str_buf_add_json_text(struct str_buf *b, const char *json);
int str_buf_end(const struct str_buf *b) _nodiscard_;
/* The string (never NULL), owned by the caller; b is empty afterwards. */
char *str_buf_take(struct str_buf *b);

/* NULL-terminated vector of owned strings, ready to be an argv. */
struct strv {
	char **v; /* NULL when empty */
	size_t n;
	size_t cap;
};

void strv_done(struct strv *v);
void strv_add(struct strv *v, const char *s);
void strv_add_take(struct strv *v, char *s);
void strv_addf(struct strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_copy(struct strv *v, char *const *from);
/* "NAME=value" entries: replace the one with the same NAME or append. */
void strv_env_set(struct strv *v, const char *name_value);
/* The value of NAME, borrowed, or NULL. */
const char *strv_env_get(const struct strv *v, const char *name);
