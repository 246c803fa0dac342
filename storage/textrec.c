/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/textrec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

static const char end_line[] = "end\n";

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static bool has_control(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '\n' && is_control((unsigned char)s[i]))
			return true;
	return false;
}

static void add_bytes(struct textrec_writer *w, const char *s, size_t n)
{
	if (w->failed || n > w->size - w->len) {
		w->failed = true;
		return;
	}
	memcpy(w->buf + w->len, s, n);
	w->len += n;
}

void textrec_begin(struct textrec_writer *w, char *buf, size_t size, const char *kind,
		   unsigned version)
{
	char line[64];

	*w = (struct textrec_writer){ .buf = buf, .size = size };
	w->failed = str_print(line, sizeof(line), "carrel-%s %u\n", kind, version) < 0;
	add_bytes(w, line, strlen(line));
}

void textrec_add(struct textrec_writer *w, const char *key, const char *value)
{
	add_bytes(w, key, strlen(key));
	add_bytes(w, "=", 1);
	for (; *value; value++)
		add_bytes(w, is_control((unsigned char)*value) ? "?" : value, 1);
	add_bytes(w, "\n", 1);
}

void textrec_add_u64(struct textrec_writer *w, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	textrec_add(w, key, text);
}

void textrec_add_digest(struct textrec_writer *w, const char *key, const struct digest *d)
{
	char text[DIGEST_STR_MAX];

	if (digest_is_set(d))
		textrec_add(w, key, digest_format(d, text));
}

int textrec_end(struct textrec_writer *w, size_t *ret_len)
{
	add_bytes(w, end_line, strlen(end_line));
	if (w->failed)
		return -EMSGSIZE;
	*ret_len = w->len;
	return 0;
}

/* "carrel-KIND N\n" at the start; *ret_used is its length. */
static int parse_head(const char *text, size_t len, const char *kind, unsigned version,
		      size_t *ret_used)
{
	const char *nl = memchr(text, '\n', len);
	char line[64], want[64];
	size_t n = nl ? (size_t)(nl - text) : 0;
	uint32_t have;
	int r;

	if (!nl || n >= sizeof(line) || memchr(text, '\0', n))
		return -EINVAL;
	memcpy(line, text, n);
	line[n] = '\0';
	r = str_print(want, sizeof(want), "carrel-%s ", kind);
	if (r < 0 || !str_starts(line, want))
		return -EINVAL;
	r = num_u32(line + strlen(want), &have);
	if (r < 0 || have == 0)
		return -EINVAL;
	if (have > version)
		return -EPROTONOSUPPORT;
	*ret_used = n + 1;
	return 0;
}

int textrec_parse(const char *text, size_t len, const char *kind, unsigned version,
		  struct textrec *ret)
{
	size_t end = strlen(end_line), head;
	int r;

	r = parse_head(text, len, kind, version, &head);
	if (r < 0)
		return r;
	if (len - head < end || memcmp(text + len - end, end_line, end) != 0 ||
	    text[len - end - 1] != '\n' || has_control(text + head, len - head))
		return -EINVAL;
	*ret = (struct textrec){ .body = text + head, .len = len - head - end };
	return 0;
}

bool textrec_next(const struct textrec *rec, size_t *pos, const char *key, const char **ret_value,
		  size_t *ret_len)
{
	size_t k = strlen(key);

	while (*pos < rec->len) {
		const char *line = rec->body + *pos;
		const char *nl = memchr(line, '\n', rec->len - *pos);
		size_t n = nl ? (size_t)(nl - line) : rec->len - *pos;

		*pos += n + (nl ? 1 : 0);
		if (n > k && line[k] == '=' && memcmp(line, key, k) == 0) {
			*ret_value = line + k + 1;
			*ret_len = n - k - 1;
			return true;
		}
	}
	return false;
}

int textrec_get(const struct textrec *rec, const char *key, char *buf, size_t size)
{
	const char *value;
	size_t pos = 0, n;

	if (!textrec_next(rec, &pos, key, &value, &n))
		return -ENODATA;
	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(buf, value, n);
	buf[n] = '\0';
	return 0;
}

int textrec_get_u64(const struct textrec *rec, const char *key, uint64_t *ret)
{
	char text[24];
	int r;

	r = textrec_get(rec, key, text, sizeof(text));
	return r < 0 ? r : num_u64(text, ret);
}

int textrec_get_digest(const struct textrec *rec, const char *key, struct digest *ret)
{
	char text[DIGEST_STR_MAX];
	int r;

	r = textrec_get(rec, key, text, sizeof(text));
	return r < 0 ? r : digest_parse(text, ret);
}
