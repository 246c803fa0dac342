/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/tar_pax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum {
	NS_DIGITS = 9,
};

int tar_decimal(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

int tar_segments_add(struct tar_segment **segments, size_t *n, size_t *cap, uint64_t offset,
		     uint64_t length)
{
	uint64_t end, last_end = 0;

	if (*n)
		last_end = (*segments)[*n - 1].offset + (*segments)[*n - 1].length;
	if (*n >= TAR_SPARSE_MAX)
		return -EFBIG;
	if (offset < last_end || __builtin_add_overflow(offset, length, &end) || end > INT64_MAX)
		return -EBADMSG;
	*segments = array_grow(*segments, *n, cap, sizeof(**segments));
	(*segments)[(*n)++] = (struct tar_segment){ .offset = offset, .length = length };
	return 0;
}

/* "[-]SECONDS[.FRACTION]"; digits past nanoseconds are cut, towards the past for negative ones. */
static int parse_time(const char *s, size_t n, int64_t *ret, uint32_t *ret_ns)
{
	const char *dot;
	bool negative = n && s[0] == '-';
	uint64_t sec;
	uint32_t ns = 0;
	size_t whole, i;
	int r;

	if (negative) {
		s++;
		n--;
	}
	dot = memchr(s, '.', n);
	whole = dot ? (size_t)(dot - s) : n;
	r = tar_decimal(s, whole, &sec);
	if (r < 0)
		return r;
	if (sec > INT64_MAX - 1)
		return -ERANGE;
	for (i = whole + 1; dot && i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
	for (i = 0; i < NS_DIGITS; i++) {
		size_t at = whole + 1 + i;

		ns = ns * 10 + (dot && at < n ? (uint32_t)(s[at] - '0') : 0);
	}
	if (negative && ns) {
		*ret = -(int64_t)sec - 1;
		*ret_ns = 1000000000 - ns;
	} else {
		*ret = negative ? -(int64_t)sec : (int64_t)sec;
		*ret_ns = ns;
	}
	return 0;
}

/* GNU.sparse.map of version 0.1: "offset,length,offset,length". */
static int parse_map(struct tar_pax *pax, const char *s, size_t n)
{
	uint64_t value[2];
	size_t field = 0;
	int r;

	pax->n_segments = 0;
	while (n) {
		const char *comma = memchr(s, ',', n);
		size_t len = comma ? (size_t)(comma - s) : n;

		r = tar_decimal(s, len, &value[field]);
		if (r < 0)
			return r;
		if (field) {
			r = tar_segments_add(&pax->segments, &pax->n_segments, &pax->cap_segments,
					     value[0], value[1]);
			if (r < 0)
				return r;
		}
		field = !field;
		s += len + (comma ? 1 : 0);
		n -= len + (comma ? 1 : 0);
	}
	return field ? -EBADMSG : 0;
}

/* Version 0.0: pairs of records; the length of an open pair is 0 so that it cannot overlap yet. */
static int sparse_offset(struct tar_pax *pax, uint64_t offset)
{
	if (pax->offset_open)
		return -EBADMSG;
	pax->offset_open = true;
	return tar_segments_add(&pax->segments, &pax->n_segments, &pax->cap_segments, offset, 0);
}

static int sparse_numbytes(struct tar_pax *pax, uint64_t length)
{
	uint64_t offset;

	if (!pax->offset_open)
		return -EBADMSG;
	pax->offset_open = false;
	offset = pax->segments[--pax->n_segments].offset;
	return tar_segments_add(&pax->segments, &pax->n_segments, &pax->cap_segments, offset,
				length);
}

static int xattr_put(struct tar_pax *pax, const struct tar_xattr *x)
{
	size_t i;

	if (x->name_len == 0 || x->name_len > TAR_XATTR_NAME_MAX ||
	    memchr(x->name, '\0', x->name_len))
		return -EBADMSG;
	if (x->value_len > TAR_XATTR_VALUE_MAX)
		return -EFBIG;
	for (i = 0; i < pax->n_xattrs; i++)
		if (pax->xattrs[i].name_len == x->name_len &&
		    memcmp(pax->xattrs[i].name, x->name, x->name_len) == 0)
			break;
	if (x->value_len == 0) {
		/* As in Go's reader an empty value means "not there". */
		if (i < pax->n_xattrs)
			pax->xattrs[i] = pax->xattrs[--pax->n_xattrs];
		return 0;
	}
	if (i == TAR_XATTRS_MAX)
		return -EFBIG;
	pax->xattrs[i] = *x;
	if (i == pax->n_xattrs)
		pax->n_xattrs++;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static size_t url_decode(const char *s, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int hi = -1, lo = -1;

		if (s[i] == '%' && n - i > 2) {
			hi = hex_digit(s[i + 1]);
			lo = hex_digit(s[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			out[len++] = (char)(hi << 4 | lo);
			i += 2;
		} else {
			out[len++] = s[i];
		}
	}
	return len;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

static int base64_decode(const char *s, size_t n, char *out, size_t *ret_len)
{
	unsigned bits = 0, held = 0;
	size_t len = 0;

	while (n && s[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int d = base64_digit(s[i]);

		if (d < 0)
			return -EBADMSG;
		held = (held << 6 | (unsigned)d) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[len++] = (char)(held >> bits & 0xff);
		}
	}
	*ret_len = len;
	return 0;
}

/* "LIBARCHIVE.xattr.<url-encoded name>=<base64>" */
static int xattr_libarchive(struct tar_pax *pax, const char *name, size_t name_len,
			    const char *value, size_t value_len, size_t header_size)
{
	struct tar_xattr x;
	int r;

	if (!pax->arena) {
		/* Decoding never grows, so that one header's text always fits. */
		pax->arena = xmalloc(header_size);
		pax->arena_size = header_size;
	}
	if (name_len + value_len > pax->arena_size - pax->arena_len)
		return -EFBIG;
	x.name = pax->arena + pax->arena_len;
	x.name_len = url_decode(name, name_len, pax->arena + pax->arena_len);
	pax->arena_len += x.name_len;
	x.value = pax->arena + pax->arena_len;
	r = base64_decode(value, value_len, pax->arena + pax->arena_len, &x.value_len);
	if (r < 0)
		return r;
	pax->arena_len += x.value_len;
	return xattr_put(pax, &x);
}

struct record {
	const char *key;
	size_t key_len;
	const char *value;
	size_t len;
};

static bool key_is(const struct record *rec, const char *key)
{
	return rec->key_len == strlen(key) && memcmp(rec->key, key, rec->key_len) == 0;
}

/* The part of the key after the prefix, or NULL. */
static const char *key_after(const struct record *rec, const char *prefix)
{
	size_t n = strlen(prefix);

	return rec->key_len > n && memcmp(rec->key, prefix, n) == 0 ? rec->key + n : NULL;
}

static int apply_string(struct tar_pax *pax, const struct record *rec, unsigned bit,
			const char **ret, size_t *ret_len)
{
	if (rec->len == 0) {
		pax->set &= ~bit;
		return 0;
	}
	if (rec->len >= TAR_PATH_MAX)
		return -ENAMETOOLONG;
	if (memchr(rec->value, '\0', rec->len))
		return -EBADMSG;
	*ret = rec->value;
	*ret_len = rec->len;
	pax->set |= bit;
	return 0;
}

static int apply_number(struct tar_pax *pax, const struct record *rec, unsigned bit, uint64_t *ret)
{
	int r;

	if (rec->len == 0) {
		pax->set &= ~bit;
		return 0;
	}
	r = tar_decimal(rec->value, rec->len, ret);
	if (r < 0 || *ret > INT64_MAX)
		return -EBADMSG;
	pax->set |= bit;
	return 0;
}

static int apply_sparse(struct tar_pax *pax, const struct record *rec)
{
	uint64_t v;
	int r;

	if (key_is(rec, "GNU.sparse.major"))
		return apply_number(pax, rec, TAR_PAX_SPARSE_MAJOR, &pax->sparse_major);
	if (key_is(rec, "GNU.sparse.minor"))
		return apply_number(pax, rec, TAR_PAX_SPARSE_MINOR, &pax->sparse_minor);
	if (key_is(rec, "GNU.sparse.name"))
		return apply_string(pax, rec, TAR_PAX_SPARSE_NAME, &pax->sparse_name,
				    &pax->sparse_name_len);
	if (key_is(rec, "GNU.sparse.size") || key_is(rec, "GNU.sparse.realsize"))
		return apply_number(pax, rec, TAR_PAX_SPARSE_SIZE, &pax->sparse_size);
	if (key_is(rec, "GNU.sparse.map")) {
		pax->set |= TAR_PAX_SPARSE_MAP;
		return parse_map(pax, rec->value, rec->len) < 0 ? -EBADMSG : 0;
	}
	if (!key_is(rec, "GNU.sparse.offset") && !key_is(rec, "GNU.sparse.numbytes"))
		return 0; /* numblocks says nothing that the records do not */
	r = tar_decimal(rec->value, rec->len, &v);
	if (r < 0)
		return -EBADMSG;
	pax->set |= TAR_PAX_SPARSE_MAP;
	return key_is(rec, "GNU.sparse.offset") ? sparse_offset(pax, v) : sparse_numbytes(pax, v);
}

static int apply_mtime(struct tar_pax *pax, const struct record *rec)
{
	if (rec->len == 0) {
		pax->set &= ~(unsigned)TAR_PAX_MTIME;
		return 0;
	}
	if (parse_time(rec->value, rec->len, &pax->mtime, &pax->mtime_ns) < 0)
		return -EBADMSG;
	pax->set |= TAR_PAX_MTIME;
	return 0;
}

static int apply(struct tar_pax *pax, const struct record *rec, size_t header_size)
{
	const char *name;

	if (key_is(rec, "path"))
		return apply_string(pax, rec, TAR_PAX_PATH, &pax->path, &pax->path_len);
	if (key_is(rec, "linkpath"))
		return apply_string(pax, rec, TAR_PAX_LINK, &pax->link, &pax->link_len);
	if (key_is(rec, "size"))
		return apply_number(pax, rec, TAR_PAX_SIZE, &pax->size);
	if (key_is(rec, "uid"))
		return apply_number(pax, rec, TAR_PAX_UID, &pax->uid);
	if (key_is(rec, "gid"))
		return apply_number(pax, rec, TAR_PAX_GID, &pax->gid);
	if (key_is(rec, "mtime"))
		return apply_mtime(pax, rec);
	if (key_after(rec, "GNU.sparse."))
		return apply_sparse(pax, rec);
	name = key_after(rec, "SCHILY.xattr.");
	if (name)
		return xattr_put(pax, &(struct tar_xattr){ .name = name,
							   .name_len = rec->key_len -
								       (size_t)(name - rec->key),
							   .value = rec->value,
							   .value_len = rec->len });
	name = key_after(rec, "LIBARCHIVE.xattr.");
	if (name)
		return xattr_libarchive(pax, name, rec->key_len - (size_t)(name - rec->key),
					rec->value, rec->len, header_size);
	/* uname and gname are names of another host; hdrcharset, atime, ctime, comment, ...: names
	 * are bytes for us, and the rest has no place in a layer. */
	return 0;
}

/* "LENGTH KEY=VALUE\n", LENGTH counting itself. Returns LENGTH. */
static int split_record(const char *p, size_t n, struct record *ret)
{
	const char *space = memchr(p, ' ', n < 8 ? n : 8), *eq;
	uint64_t len;

	if (!space || tar_decimal(p, (size_t)(space - p), &len) < 0)
		return -EBADMSG;
	if (len > n || len < (uint64_t)(space - p) + 4 || p[len - 1] != '\n')
		return -EBADMSG;
	ret->key = space + 1;
	eq = memchr(ret->key, '=', (size_t)(p + len - 1 - ret->key));
	if (!eq || eq == ret->key)
		return -EBADMSG;
	ret->key_len = (size_t)(eq - ret->key);
	ret->value = eq + 1;
	ret->len = (size_t)(p + len - 1 - ret->value);
	return (int)len;
}

int tar_pax_parse(struct tar_pax *pax, const char *data, size_t n, const char **ret_why)
{
	size_t size = n;

	while (n) {
		struct record rec;
		int r, len;

		len = split_record(data, n, &rec);
		if (len < 0) {
			*ret_why = "malformed pax header";
			return len;
		}
		r = apply(pax, &rec, size);
		if (r < 0) {
			*ret_why = "bad value in a pax header";
			return r;
		}
		data += len;
		n -= (size_t)len;
	}
	if (pax->offset_open) {
		*ret_why = "sparse map without a length in a pax header";
		return -EBADMSG;
	}
	return 0;
}

void tar_pax_clear(struct tar_pax *pax)
{
	pax->set = 0;
	pax->n_segments = 0;
	pax->n_xattrs = 0;
	pax->offset_open = false;
	free(TAKE_PTR(pax->arena));
	pax->arena_len = pax->arena_size = 0;
}

void tar_pax_done(struct tar_pax *pax)
{
	tar_pax_clear(pax);
	free(TAKE_PTR(pax->segments));
	pax->cap_segments = 0;
}
