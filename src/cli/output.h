/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/str.h"

/*
 * Tables as docker prints them: a heading, columns three blanks apart, the last one ragged.
 *	struct table t; table_init(&t, 3);
 *	table_add(&t, "NAME"); table_add(&t, "ID"); table_add(&t, "SIZE"); ... cells row by row
 *	table_print(&t, stdout); table_done(&t);
 * Control characters in cells (names may come from an image) are printed as '?'.
 */
struct table {
	size_t columns;
	struct strv cells;
};

void table_init(struct table *t, size_t columns);
void table_done(struct table *t); /* for _cleanup_() too */
void table_add(struct table *t, const char *cell);
void table_addf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *t, FILE *to);

/* `--format`: NULL and "table" are 0, "json" is 1; everything else is refused with a hint. */
int output_format_parse(const char *format, struct error *err) _nodiscard_;
/* The same for what is no table: NULL is 0. */
int output_format_json(const char *format, struct error *err) _nodiscard_;

/* "key":"value" members, with the comma where one is needed. */
void output_json_member(struct str_buf *b, const char *key, const char *value);
/* The same for "key": alone, "key":[...] and "key":true. */
void json_add_key(struct str_buf *b, const char *key);
void json_add_strv(struct str_buf *b, const char *key, const struct strv *v);
void json_add_bool(struct str_buf *b, const char *key, bool value);

/* A JSON document on several lines, four blanks a level, as docker prints it. */
void output_json_indented(const char *s, FILE *to);

/* As docker's JSON: what has not happened has Go's zero time, which clients can parse. */
const char *output_time(const char *when);
/* docker's sizes for people: "1.24MB", "312B" (powers of 1000). */
char *output_size(unsigned long long bytes, char buf[16]);
/* docker's sizes of memory: "1.184MiB", "64MiB" (powers of 1024). */
char *output_bytes(unsigned long long bytes, char buf[16]);

/*
 * What could not be written to standard output, with its cause. Where the reader has gone away
 * (`carrel ps | head -1`) nobody wants to be told: no text, and status 141 as of other programs,
 * which end by SIGPIPE there. Returns `code`.
 */
int output_failed(int code, struct error *err);
/* Write a text that may be long: the cause of a failure is known at once or never. */
int output_text(const char *s, struct error *err) _nodiscard_;
int output_flush(struct error *err) _nodiscard_;
/* Flush and close standard output: a full disk or a closed pipe is an error (close_stdout). */
int output_close(struct error *err) _nodiscard_;
