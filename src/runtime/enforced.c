/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/enforced.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "storage/textrec.h"

enum {
	ENFORCED_VERSION = 1,
};

static const char file_name[] = "enforced";

static void put(char *buf, size_t size, const char *s)
{
	(void)snprintf(buf, size, "%s", s); /* cut: see the header */
}

void enforced_done(struct enforced *e)
{
	free(e->rows);
	*e = (struct enforced){ 0 };
}

void enforced_put(struct enforced *e, const struct enforced_row *row)
{
	e->rows = array_grow(e->rows, e->n, &e->cap, sizeof(*e->rows));
	e->rows[e->n++] = *row;
}

void enforced_add(struct enforced *e, const char *what, const char *asked, const char *by,
		  enum dcode dcode, const char *detail, ...)
{
	struct enforced_row row = { .dcode = dcode };
	va_list ap;

	put(row.what, sizeof(row.what), what);
	put(row.asked, sizeof(row.asked), asked);
	put(row.by, sizeof(row.by), by);
	va_start(ap, detail);
	(void)vsnprintf(row.detail, sizeof(row.detail), detail, ap);
	va_end(ap);
	enforced_put(e, &row);
}

const struct enforced_row *enforced_find(const struct enforced *e, const char *what)
{
	for (size_t i = 0; i < e->n; i++)
		if (str_eq(e->rows[i].what, what))
			return &e->rows[i];
	return NULL;
}

int enforced_write(int ctr_dirfd, const struct enforced *e, struct error *err)
{
	_cleanup_(freep) char *text = xmalloc(ENFORCED_FILE_MAX);
	struct textrec_writer w;
	size_t len;
	int r;

	textrec_begin(&w, text, ENFORCED_FILE_MAX, file_name, ENFORCED_VERSION);
	for (size_t i = 0; i < e->n; i++) {
		const struct enforced_row *row = &e->rows[i];
		const struct dcode_row *code = dcode_get(row->dcode);

		textrec_add(&w, "what", row->what);
		textrec_add(&w, "asked", row->asked);
		textrec_add(&w, "by", row->by);
		textrec_add(&w, "detail", row->detail);
		textrec_add(&w, "code", code ? code->name : "");
	}
	r = textrec_end(&w, &len);
	/* Like the state of what runs: it dies with the machine anyway. */
	if (r == 0)
		r = file_publish(ctr_dirfd, file_name, text, len, 0600, FILE_LAZY);
	return r < 0 ? error_code(err, r, "record how the limits are enforced") : 0;
}

static int next(const struct textrec *rec, size_t *pos, const char *key, char *buf, size_t size)
{
	const char *value;
	size_t len;

	if (!textrec_next(rec, pos, key, &value, &len))
		return -ENODATA;
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, value, len);
	buf[len] = '\0';
	return 0;
}

static enum dcode code_of(const char *name)
{
	for (int i = DCODE_NONE + 1; i < DCODE_MAX; i++) {
		const struct dcode_row *row = dcode_get((enum dcode)i);

		if (row && str_eq(row->name, name))
			return row->code;
	}
	return DCODE_NONE; /* of a newer version: the row's text says enough */
}

int enforced_parse(const char *text, size_t len, struct enforced *ret)
{
	_cleanup_(enforced_done) struct enforced e = { 0 };
	struct textrec rec;
	size_t pos = 0;
	int r;

	r = textrec_parse(text, len, file_name, ENFORCED_VERSION, &rec);
	while (r == 0) {
		struct enforced_row row;
		char code[8];

		r = next(&rec, &pos, "what", row.what, sizeof(row.what));
		if (r == -ENODATA) {
			r = 0;
			break;
		}
		if (r == 0)
			r = next(&rec, &pos, "asked", row.asked, sizeof(row.asked));
		if (r == 0)
			r = next(&rec, &pos, "by", row.by, sizeof(row.by));
		if (r == 0)
			r = next(&rec, &pos, "detail", row.detail, sizeof(row.detail));
		if (r == 0)
			r = next(&rec, &pos, "code", code, sizeof(code));
		if (r == 0) {
			row.dcode = code_of(code);
			enforced_put(&e, &row);
		}
	}
	if (r < 0)
		return r;
	*ret = e;
	e = (struct enforced){ 0 };
	return 0;
}

int enforced_read(int ctr_dirfd, struct enforced *ret, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	r = path_read(ctr_dirfd, file_name, ENFORCED_FILE_MAX, &text, &len);
	if (r == 0)
		r = enforced_parse(text, len, ret);
	return r < 0 ? error_code(err, r, "read how the limits are enforced") : 0;
}
