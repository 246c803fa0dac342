/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tarmake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum {
	BLOCK = 512,
};

void tarmake_done(struct tarmake *t)
{
	free(t->p);
	*t = (struct tarmake){ 0 };
}

void tarmake_bytes(struct tarmake *t, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (t->n + n > t->cap) {
		t->cap = (t->n + n) * 2;
		t->p = xrealloc_array(t->p, t->cap, 1);
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

static void pad(struct tarmake *t)
{
	static const uint8_t zero[BLOCK];

	tarmake_bytes(t, zero, -t->n & (BLOCK - 1));
}

static void text(uint8_t *at, size_t size, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	memcpy(at, s ? s : "", n < size ? n : size);
}

static void octal(uint8_t *at, size_t size, uint64_t v)
{
	char buf[32];

	(void)snprintf(buf, sizeof(buf), "%0*llo", (int)size - 1, (unsigned long long)v);
	memcpy(at, buf, size - 1);
}

void tarmake_sum(uint8_t *block)
{
	unsigned sum = 0;

	memset(block + 148, ' ', 8);
	for (int i = 0; i < BLOCK; i++)
		sum += block[i];
	octal(block + 148, 7, sum);
	block[154] = '\0';
}

void tarmake_add(struct tarmake *t, const struct tarmake_entry *e)
{
	uint8_t b[BLOCK] = { 0 };

	text(b, 100, e->name);
	octal(b + 100, 8, e->mode);
	octal(b + 108, 8, e->uid);
	octal(b + 116, 8, e->gid);
	octal(b + 124, 12, e->size ? e->size : e->data_len);
	octal(b + 136, 12, (uint64_t)e->mtime);
	b[156] = (uint8_t)e->type;
	text(b + 157, 100, e->link);
	memcpy(b + 257,
	       e->magic ? e->magic
			: "ustar\0"
			  "00",
	       8);
	octal(b + 329, 8, e->major);
	octal(b + 337, 8, e->minor);
	text(b + 345, 155, e->prefix);
	tarmake_sum(b);
	tarmake_bytes(t, b, sizeof(b));
	tarmake_bytes(t, e->data, e->data_len);
	pad(t);
}

void tarmake_file(struct tarmake *t, const char *name, const char *s)
{
	tarmake_add(t, &(struct tarmake_entry){ .type = '0',
						.name = name,
						.mode = 0644,
						.mtime = 1000,
						.data = s,
						.data_len = strlen(s) });
}

void tarmake_dir(struct tarmake *t, const char *name)
{
	tarmake_add(t, &(struct tarmake_entry){
			       .type = '5', .name = name, .mode = 0755, .mtime = 1000 });
}

void tarmake_link(struct tarmake *t, char type, const char *name, const char *link)
{
	tarmake_add(t, &(struct tarmake_entry){
			       .type = type, .name = name, .link = link, .mode = 0777 });
}

/* The length of a record counts its own digits. */
static void record(struct str_buf *b, const char *key, const char *value)
{
	size_t n = strlen(key) + strlen(value) + 3, len = n, digits = 0;

	for (size_t v = n; v; v /= 10)
		digits++;
	len = n + digits;
	if (len >= 10 && digits == 1)
		len++;
	else if (len >= 100 && digits == 2)
		len++;
	else if (len >= 1000 && digits == 3)
		len++;
	else if (len >= 10000 && digits == 4)
		len++;
	str_buf_addf(b, "%zu %s=%s\n", len, key, value);
}

void tarmake_pax(struct tarmake *t, int type, ...)
{
	struct str_buf b;
	const char *key;
	va_list ap;

	str_buf_init(&b, 4 << 20);
	va_start(ap, type);
	while ((key = va_arg(ap, const char *)))
		record(&b, key, va_arg(ap, const char *));
	va_end(ap);
	tarmake_add(t, &(struct tarmake_entry){
			       .type = (char)type, .name = "pax", .data = b.s, .data_len = b.len });
	str_buf_done(&b);
}

void tarmake_long(struct tarmake *t, char type, const char *name)
{
	tarmake_add(t, &(struct tarmake_entry){ .type = type,
						.name = "././@LongLink",
						.data = name,
						.data_len = strlen(name) + 1,
						.magic = "ustar  " });
}

void tarmake_end(struct tarmake *t)
{
	static const uint8_t zero[2 * BLOCK];

	tarmake_bytes(t, zero, sizeof(zero));
}

uint8_t *tarmake_last(struct tarmake *t, size_t blocks_back)
{
	return t->p + t->n - (blocks_back + 1) * BLOCK;
}
