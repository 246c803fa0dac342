/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

int str_copy(char *buf, size_t size, const char *s)
{
	size_t n = strlen(s);

	buf[0] = '\0';
	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(buf, s, n + 1);
	return 0;
}

int str_print(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

void str_buf_init(struct str_buf *b, size_t max)
{
	*b = (struct str_buf){ .max = max };
}

void str_buf_done(struct str_buf *b)
{
	free(b->s);
	*b = (struct str_buf){ .max = b->max };
}

void str_buf_add(struct str_buf *b, const void *p, size_t n)
{
	if (b->failed)
		return;
	if (n > b->max - b->len) {
		b->failed = true;
		return;
	}
	if (b->len + n + 1 > b->cap) {
		size_t want = b->cap ? b->cap : 64;

		while (want < b->len + n + 1)
			want *= 2;
		b->s = xrealloc_array(b->s, want, 1);
		b->cap = want;
	}
	if (n)
		memcpy(b->s + b->len, p, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void str_buf_adds(struct str_buf *b, const char *s)
{
	str_buf_add(b, s, strlen(s));
}

void str_buf_addc(struct str_buf *b, char c)
{
	str_buf_add(b, &c, 1);
}

void str_buf_addf(struct str_buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		str_buf_add(b, small, (size_t)n);
		return;
	}
	if ((size_t)n > b->max - b->len) {
		b->failed = true;
		return;
	}
	char *big = xmalloc((size_t)n + 1);

	va_start(ap, fmt);
	(void)vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	str_buf_add(b, big, (size_t)n);
	free(big);
}

size_t str_utf8_len(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (len == 0 || s[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

size_t str_shown_len(const unsigned char *s, size_t n)
{
	size_t len = str_utf8_len(s, n);

	if (len == 1)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (len && s[0] == 0xc2 && s[1] < 0xa0)
		return 0;
	if (len && s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae)
		return 0;
	if (len && s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)
		return 0;
	return len;
}

void str_make_shown(char *s)
{
	unsigned char *from = (unsigned char *)s, *to = from;
	size_t n = strlen(s);

	while (n) {
		size_t len = str_shown_len(from, n), used = len ? len : str_utf8_len(from, n);

		if (!used)
			used = 1;
		if (len)
			memmove(to, from, len);
		else
			*to = '?';
		to += len ? len : 1;
		from += used;
		n -= used;
	}
	*to = '\0';
}

/* Of a character that str_shown_len() refuses: none is longer than three bytes. */
static unsigned code_point(const unsigned char *s, size_t len)
{
	if (len == 1)
		return s[0];
	if (len == 2)
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
}

void str_buf_add_json(struct str_buf *b, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	str_buf_addc(b, '"');
	while (n) {
		size_t len = str_utf8_len(p, n);

		if (len == 0) {
			str_buf_adds(b, "\\ufffd");
			len = 1;
		} else if (*p == '"' || *p == '\\') {
			str_buf_addf(b, "\\%c", *p);
		} else if (*p == '\n') {
			str_buf_adds(b, "\\n");
		} else if (!str_shown_len(p, n)) {
			str_buf_addf(b, "\\u%04x", code_point(p, len));
		} else {
			str_buf_add(b, p, len);
		}
		p += len;
		n -= len;
	}
	str_buf_addc(b, '"');
}

void str_buf_add_json_text(struct str_buf *b, const char *json)
{
	const unsigned char *p = (const unsigned char *)json;
	size_t n = strlen(json);

	while (n) {
		size_t len = str_utf8_len(p, n);

		/* Blanks between the words are all that is left raw below 0x20. */
		if (len == 0)
			str_buf_adds(b, "\\ufffd");
		else if (str_shown_len(p, n) || *p < 0x20)
			str_buf_add(b, p, len);
		else
			str_buf_addf(b, "\\u%04x", code_point(p, len));
		p += len ? len : 1;
		n -= len ? len : 1;
	}
}

int str_buf_end(const struct str_buf *b)
{
	return b->failed ? -EFBIG : 0;
}

char *str_buf_take(struct str_buf *b)
{
	char *s = b->s ? b->s : xstrdup("");

	*b = (struct str_buf){ .max = b->max };
	return s;
}

void strv_done(struct strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	*v = (struct strv){ 0 };
}

void strv_add_take(struct strv *v, char *s)
{
	if (v->n + 1 >= v->cap) {
		v->cap = v->cap ? v->cap * 2 : 8;
		v->v = xrealloc_array(v->v, v->cap, sizeof(*v->v));
	}
	v->v[v->n++] = s;
	v->v[v->n] = NULL;
}

void strv_add(struct strv *v, const char *s)
{
	strv_add_take(v, xstrdup(s));
}

void strv_addf(struct strv *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_add_take(v, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_copy(struct strv *v, char *const *from)
{
	for (; from && *from; from++)
		strv_add(v, *from);
}

static char **env_find(const struct strv *v, const char *name, size_t len)
{
	for (size_t i = 0; i < v->n; i++)
		if (strncmp(v->v[i], name, len) == 0 && v->v[i][len] == '=')
			return &v->v[i];
	return NULL;
}

void strv_env_set(struct strv *v, const char *name_value)
{
	char **old = env_find(v, name_value, strcspn(name_value, "="));

	if (!old) {
		strv_add(v, name_value);
		return;
	}
	free(*old);
	*old = xstrdup(name_value);
}

const char *strv_env_get(const struct strv *v, const char *name)
{
	char **e = env_find(v, name, strlen(name));

	return e ? *e + strlen(name) + 1 : NULL;
}
