/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "storage/tar_pax.h"

enum state {
	STATE_HEADER,
	STATE_EXT,	  /* the body of an extended header is being filled */
	STATE_OLD_SPARSE, /* continuation blocks of type S */
	STATE_SPARSE_MAP, /* version 1.0: the map is the beginning of the data */
	STATE_ZERO,	  /* one zero block was seen */
	STATE_END,
};

struct field {
	size_t at, len;
};

/* The fixed layout of a header block. */
static const struct field f_name = { 0, 100 }, f_mode = { 100, 8 }, f_uid = { 108, 8 },
			  f_gid = { 116, 8 }, f_size = { 124, 12 }, f_mtime = { 136, 12 },
			  f_sum = { 148, 8 }, f_link = { 157, 100 }, f_major = { 329, 8 },
			  f_minor = { 337, 8 }, f_prefix = { 345, 155 }, f_realsize = { 483, 12 };

enum {
	AT_TYPE = 156,
	AT_MAGIC = 257,
	AT_STAR_TRAILER = 508,
	STAR_PREFIX_LEN = 131,
	AT_SPARSE = 386, /* 4 pairs in the header */
	N_SPARSE = 4,
	AT_SPARSE_MORE = 482,
	N_SPARSE_CONT = 21, /* pairs in a continuation block */
	AT_SPARSE_CONT_MORE = 504,
	SPARSE_FIELD = 12,
};

struct tar_parser {
	enum state state;
	const char *why;
	unsigned chain; /* extended headers since the last entry */

	char ext_type;
	char *ext; /* body of the extended header being read */
	size_t ext_size;
	char *local_data, *global_data; /* what the pax structs point into */
	size_t global_size;
	struct tar_pax local, global;
	bool has_local, has_long_path, has_long_link;

	char path[TAR_PATH_MAX], link[TAR_PATH_MAX];
	struct tar_entry entry;

	/* sparse map of type S and of version 1.0 */
	struct tar_segment *segments;
	size_t n_segments, cap_segments;
	uint64_t map_left; /* numbers still to come */
	uint64_t map_number, map_offset;
	bool map_counted, map_digits, map_have_offset;
};

struct tar_parser *tar_parser_new(void)
{
	struct tar_parser *p = xcalloc(1, sizeof(*p));

	p->why = "";
	return p;
}

void tar_parser_free(struct tar_parser *p)
{
	if (!p)
		return;
	tar_pax_done(&p->local);
	tar_pax_done(&p->global);
	free(p->ext);
	free(p->local_data);
	free(p->global_data);
	free(p->segments);
	free(p);
}

static int bad(struct tar_parser *p, int code, const char *why)
{
	p->why = why;
	return code;
}

static const char *text(const unsigned char *b, struct field f, size_t *ret_len)
{
	*ret_len = strnlen((const char *)b + f.at, f.len);
	return (const char *)b + f.at;
}

/* GNU's and star's large numbers: two's complement, big endian, the top bit marks it. */
static int base256(const unsigned char *f, size_t n, int64_t *ret)
{
	unsigned char invert = f[0] & 0x40 ? 0xff : 0;
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = f[i] ^ invert;

		if (i == 0)
			c &= 0x7f; /* the mark */
		if (v >> 55)
			return -ERANGE;
		v = v << 8 | c;
	}
	*ret = invert ? -(int64_t)v - 1 : (int64_t)v;
	return 0;
}

/* Octal digits with blanks or NULs around them; nothing at all is 0. */
static int number(const unsigned char *b, struct field fd, int64_t *ret)
{
	const unsigned char *f = b + fd.at;
	size_t i = 0, n = fd.len;
	uint64_t v = 0;

	if (f[0] & 0x80)
		return base256(f, n, ret);
	while (i < n && (f[i] == ' ' || f[i] == '\0'))
		i++;
	for (; i < n && f[i] >= '0' && f[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(f[i] - '0'); /* 12 digits have 36 bits */
	if (i < n && f[i] != ' ' && f[i] != '\0')
		return -EINVAL;
	*ret = (int64_t)v;
	return 0;
}

static bool checksum_ok(const unsigned char *b)
{
	int64_t want, plain = 0, with_sign = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		unsigned char c = i >= f_sum.at && i < f_sum.at + f_sum.len ? ' ' : b[i];

		plain += c;
		with_sign += (signed char)c; /* what some old writers summed */
	}
	return number(b, f_sum, &want) == 0 && (want == plain || want == with_sign);
}

static bool is_zero(const unsigned char *b)
{
	static const unsigned char zero[TAR_BLOCK];

	return memcmp(b, zero, sizeof(zero)) == 0;
}

static int set_string(struct tar_parser *p, char *to, const char *s, size_t n)
{
	if (n >= TAR_PATH_MAX)
		return bad(p, -ENAMETOOLONG, "path too long");
	memcpy(to, s, n);
	to[n] = '\0';
	return 0;
}

/* name, with ustar's prefix in front; GNU keeps times where the prefix would be. */
static int header_path(struct tar_parser *p, const unsigned char *b)
{
	struct field f = f_prefix;
	size_t n, m = 0;
	const char *name = text(b, f_name, &n), *prefix = "";

	if (memcmp(b + AT_MAGIC, "ustar\0", 6) == 0) {
		if (memcmp(b + AT_STAR_TRAILER, "tar", 4) == 0)
			f.len = STAR_PREFIX_LEN;
		prefix = text(b, f, &m);
	}
	memcpy(p->path, prefix, m);
	if (m)
		p->path[m++] = '/';
	memcpy(p->path + m, name, n);
	p->path[m + n] = '\0';
	return 0;
}

static int ext_begin(struct tar_parser *p, const unsigned char *b, char type)
{
	int64_t size;

	if (++p->chain > TAR_EXT_CHAIN_MAX)
		return bad(p, -EFBIG, "too many extended headers before one entry");
	if (number(b, f_size, &size) < 0 || size < 0)
		return bad(p, -EBADMSG, "bad size of an extended header");
	if (size > TAR_EXT_MAX)
		return bad(p, -EFBIG, "extended header too large");
	free(p->ext);
	p->ext = xmalloc((size_t)size + 1);
	p->ext_size = (size_t)size;
	p->ext_type = type;
	p->state = STATE_EXT;
	return TAR_WANT_EXT;
}

char *tar_parser_ext(struct tar_parser *p, size_t *ret_size)
{
	*ret_size = p->ext_size;
	return p->ext;
}

/* Global headers pile up; all of them are read again so that deletions work in order. */
static int global_done(struct tar_parser *p)
{
	char *data;

	if (p->global_size + p->ext_size > TAR_GLOBAL_MAX)
		return bad(p, -EFBIG, "pax global headers too large");
	data = xmalloc(p->global_size + p->ext_size + 1);
	if (p->global_size)
		memcpy(data, p->global_data, p->global_size);
	memcpy(data + p->global_size, p->ext, p->ext_size);
	free(p->global_data);
	p->global_data = data;
	p->global_size += p->ext_size;
	tar_pax_clear(&p->global);
	return tar_pax_parse(&p->global, p->global_data, p->global_size, &p->why);
}

static int local_done(struct tar_parser *p)
{
	unsigned inherit = TAR_PAX_SPARSE_MAJOR - 1; /* sparse maps are never global */

	free(p->local_data);
	p->local_data = TAKE_PTR(p->ext);
	tar_pax_clear(&p->local);
	p->has_local = true;
	if (p->global.set & inherit || p->global.n_xattrs) {
		struct tar_segment *segments = p->local.segments;
		size_t cap = p->local.cap_segments;

		p->local = p->global;
		p->local.set &= inherit;
		p->local.segments = segments;
		p->local.cap_segments = cap;
		p->local.n_segments = 0;
		p->local.arena = NULL;
		p->local.arena_len = p->local.arena_size = 0;
	}
	return tar_pax_parse(&p->local, p->local_data, p->ext_size, &p->why);
}

int tar_parser_ext_done(struct tar_parser *p)
{
	size_t n;
	int r;

	p->state = STATE_HEADER;
	p->ext[p->ext_size] = '\0';
	switch (p->ext_type) {
	case 'g':
		r = global_done(p);
		break;
	case 'x':
		r = local_done(p);
		break;
	case 'L':
		n = strlen(p->ext);
		p->has_long_path = true;
		r = set_string(p, p->path, p->ext, n);
		break;
	default: /* 'K' */
		n = strlen(p->ext);
		p->has_long_link = true;
		r = set_string(p, p->link, p->ext, n);
		break;
	}
	free(TAKE_PTR(p->ext));
	return r;
}

static int entry_type(struct tar_parser *p, char type)
{
	size_t n = strlen(p->path);

	switch (type) {
	case '\0': /* v7 has no directories: a slash at the end says it */
		p->entry.type = n && p->path[n - 1] == '/' ? TAR_DIR : TAR_FILE;
		return 0;
	case '0':
	case '7':
	case 'S':
		p->entry.type = TAR_FILE;
		return 0;
	case '1':
		p->entry.type = TAR_HARDLINK;
		return 0;
	case '2':
		p->entry.type = TAR_SYMLINK;
		return 0;
	case '3':
		p->entry.type = TAR_CHARDEV;
		return 0;
	case '4':
		p->entry.type = TAR_BLOCKDEV;
		return 0;
	case '5':
		p->entry.type = TAR_DIR;
		return 0;
	case '6':
		p->entry.type = TAR_FIFO;
		return 0;
	case 'V':
		p->entry.type = TAR_IGNORED;
		return 0;
	default:
		return bad(p, -EOPNOTSUPP, "entry of a type that carrel does not know");
	}
}

/* Numbers of the block itself. */
static int header_numbers(struct tar_parser *p, const unsigned char *b)
{
	struct tar_entry *e = &p->entry;
	int64_t mode, size, major = 0, minor = 0;

	if (number(b, f_mode, &mode) < 0 || number(b, f_uid, &e->uid) < 0 ||
	    number(b, f_gid, &e->gid) < 0 || number(b, f_size, &size) < 0 ||
	    number(b, f_mtime, &e->mtime) < 0)
		return bad(p, -EBADMSG, "malformed number in a header");
	if (size < 0)
		return bad(p, -EBADMSG, "negative size");
	if ((e->type == TAR_CHARDEV || e->type == TAR_BLOCKDEV) &&
	    (number(b, f_major, &major) < 0 || number(b, f_minor, &minor) < 0 || major < 0 ||
	     minor < 0 || major > UINT32_MAX || minor > UINT32_MAX))
		return bad(p, -EBADMSG, "malformed device number");
	e->mode = (uint32_t)mode & 07777;
	e->size = e->body = (uint64_t)size;
	e->major = (uint32_t)major;
	e->minor = (uint32_t)minor;
	e->mtime_ns = 0;
	return 0;
}

/* Names: pax before the block, GNU's L and K before pax. */
static int apply_pax_names(struct tar_parser *p, const struct tar_pax *pax)
{
	int r = 0;

	if ((pax->set & TAR_PAX_PATH) && !p->has_long_path)
		r = set_string(p, p->path, pax->path, pax->path_len);
	if (r == 0 && (pax->set & TAR_PAX_LINK) && !p->has_long_link)
		r = set_string(p, p->link, pax->link, pax->link_len);
	if (r == 0 && (pax->set & TAR_PAX_SPARSE_NAME))
		r = set_string(p, p->path, pax->sparse_name, pax->sparse_name_len);
	return r;
}

static void apply_pax(struct tar_parser *p, const struct tar_pax *pax)
{
	struct tar_entry *e = &p->entry;

	if (pax->set & TAR_PAX_SIZE)
		e->size = e->body = pax->size;
	if (pax->set & TAR_PAX_UID)
		e->uid = (int64_t)pax->uid;
	if (pax->set & TAR_PAX_GID)
		e->gid = (int64_t)pax->gid;
	if (pax->set & TAR_PAX_MTIME) {
		e->mtime = pax->mtime;
		e->mtime_ns = pax->mtime_ns;
	}
	e->xattrs = pax->xattrs;
	e->n_xattrs = pax->n_xattrs;
}

/* The map is complete: it must fit the data that follows and the size of the file. */
static int sparse_finish(struct tar_parser *p, const struct tar_segment *segments, size_t n)
{
	struct tar_entry *e = &p->entry;
	uint64_t sum = 0, end = 0;

	for (size_t i = 0; i < n; i++) {
		sum += segments[i].length; /* ascending and below 2^63: no overflow */
		end = segments[i].offset + segments[i].length;
	}
	if (sum != e->body || end > e->size)
		return bad(p, -EBADMSG, "sparse map does not match the sizes");
	e->is_sparse = true;
	e->segments = segments;
	e->n_segments = n;
	p->state = STATE_HEADER;
	return TAR_ENTRY;
}

static int sparse_pairs(struct tar_parser *p, const unsigned char *f, size_t n)
{
	for (size_t i = 0; i < n; i++, f += 2L * SPARSE_FIELD) {
		int64_t offset, length;

		if (f[SPARSE_FIELD] == '\0')
			break;
		if (number(f, (struct field){ 0, SPARSE_FIELD }, &offset) < 0 ||
		    number(f, (struct field){ SPARSE_FIELD, SPARSE_FIELD }, &length) < 0 ||
		    offset < 0 || length < 0 ||
		    tar_segments_add(&p->segments, &p->n_segments, &p->cap_segments,
				     (uint64_t)offset, (uint64_t)length) < 0)
			return bad(p, -EBADMSG, "malformed sparse map");
	}
	return 0;
}

static int old_sparse_begin(struct tar_parser *p, const unsigned char *b)
{
	int64_t real;

	if (number(b, f_realsize, &real) < 0 || real < 0)
		return bad(p, -EBADMSG, "malformed size of a sparse file");
	p->entry.size = (uint64_t)real;
	p->n_segments = 0;
	if (sparse_pairs(p, b + AT_SPARSE, N_SPARSE) < 0)
		return -EBADMSG;
	if (!b[AT_SPARSE_MORE])
		return sparse_finish(p, p->segments, p->n_segments);
	p->state = STATE_OLD_SPARSE;
	return TAR_WANT_BLOCK;
}

static int old_sparse_block(struct tar_parser *p, const unsigned char *b)
{
	size_t before = p->n_segments;

	if (sparse_pairs(p, b, N_SPARSE_CONT) < 0)
		return -EBADMSG;
	if (!b[AT_SPARSE_CONT_MORE])
		return sparse_finish(p, p->segments, p->n_segments);
	if (p->n_segments - before != N_SPARSE_CONT)
		return bad(p, -EBADMSG, "sparse map with a gap");
	return TAR_WANT_BLOCK;
}

static int map_number(struct tar_parser *p)
{
	uint64_t v = p->map_number;

	p->map_number = 0;
	p->map_digits = false;
	if (!p->map_counted) {
		if (v > TAR_SPARSE_MAX)
			return bad(p, -EFBIG, "sparse map too large");
		p->map_counted = true;
		p->map_left = 2 * v;
		return 0;
	}
	p->map_left--;
	p->map_have_offset = !p->map_have_offset;
	if (p->map_have_offset) {
		p->map_offset = v;
		return 0;
	}
	if (tar_segments_add(&p->segments, &p->n_segments, &p->cap_segments, p->map_offset, v) < 0)
		return bad(p, -EBADMSG, "malformed sparse map");
	return 0;
}

/* Decimal numbers, a newline after each: the count, then offset and length of each segment. */
static int map_block(struct tar_parser *p, const unsigned char *b)
{
	if (p->entry.body < TAR_BLOCK)
		return bad(p, -EBADMSG, "sparse map longer than the data");
	p->entry.body -= TAR_BLOCK;
	for (size_t i = 0; i < TAR_BLOCK && (!p->map_counted || p->map_left); i++) {
		if (b[i] == '\n' && p->map_digits) {
			int r = map_number(p);

			if (r < 0)
				return r;
			continue;
		}
		if (b[i] < '0' || b[i] > '9' || p->map_number > INT64_MAX / 10 - 1)
			return bad(p, -EBADMSG, "malformed sparse map");
		p->map_number = p->map_number * 10 + (uint64_t)(b[i] - '0');
		p->map_digits = true;
	}
	if (p->map_counted && !p->map_left)
		return sparse_finish(p, p->segments, p->n_segments);
	return TAR_WANT_BLOCK;
}

static int pax_sparse(struct tar_parser *p, const struct tar_pax *pax)
{
	unsigned version = pax->set & (TAR_PAX_SPARSE_MAJOR | TAR_PAX_SPARSE_MINOR);

	if (pax->set & TAR_PAX_SPARSE_SIZE)
		p->entry.size = pax->sparse_size;
	if (version && pax->sparse_major == 1 && pax->sparse_minor == 0) {
		p->n_segments = 0;
		p->map_number = 0;
		p->map_counted = p->map_digits = p->map_have_offset = false;
		p->state = STATE_SPARSE_MAP;
		return TAR_WANT_BLOCK;
	}
	if (version && (pax->sparse_major != 0 || pax->sparse_minor > 1))
		return bad(p, -EOPNOTSUPP, "sparse file of a version that carrel does not know");
	return sparse_finish(p, pax->segments, pax->n_segments);
}

static int entry_begin(struct tar_parser *p, const unsigned char *b, char type)
{
	const struct tar_pax *pax = p->has_local ? &p->local : &p->global;
	struct tar_entry *e = &p->entry;
	size_t n;
	int r = 0;

	*e = (struct tar_entry){ .path = p->path, .link = p->link };
	p->why = "";
	if (!p->has_long_path)
		r = header_path(p, b);
	if (r == 0 && !p->has_long_link) {
		const char *s = text(b, f_link, &n);

		r = set_string(p, p->link, s, n);
	}
	if (r == 0)
		r = apply_pax_names(p, pax);
	if (r == 0)
		r = entry_type(p, type);
	if (r == 0)
		r = header_numbers(p, b);
	if (r < 0)
		return r;
	apply_pax(p, pax);
	p->chain = 0;
	p->has_local = p->has_long_path = p->has_long_link = false;
	if (e->type != TAR_FILE && e->type != TAR_IGNORED)
		e->size = e->body = 0;
	if (type == 'S')
		return old_sparse_begin(p, b);
	if (e->type == TAR_FILE &&
	    (pax->set & (TAR_PAX_SPARSE_MAJOR | TAR_PAX_SPARSE_MINOR | TAR_PAX_SPARSE_MAP)))
		return pax_sparse(p, pax);
	return TAR_ENTRY;
}

/* Is an extended header waiting for its entry? A global one may be the last thing. */
static bool is_pending(const struct tar_parser *p)
{
	return p->has_local || p->has_long_path || p->has_long_link;
}

static int header_block(struct tar_parser *p, const unsigned char *b)
{
	char type = (char)b[AT_TYPE];

	if (is_zero(b)) {
		if (is_pending(p))
			return bad(p, -EBADMSG, "extended header without an entry");
		p->state = STATE_ZERO;
		return TAR_WANT_BLOCK;
	}
	if (!checksum_ok(b))
		return bad(p, -EBADMSG, "wrong checksum of a header");
	switch (type) {
	case 'x':
	case 'g':
	case 'L':
	case 'K':
		return ext_begin(p, b, type);
	case 'X': /* Solaris' name for x */
		return ext_begin(p, b, 'x');
	default:
		return entry_begin(p, b, type);
	}
}

int tar_parser_block(struct tar_parser *p, const unsigned char block[TAR_BLOCK])
{
	switch (p->state) {
	case STATE_HEADER:
		return header_block(p, block);
	case STATE_OLD_SPARSE:
		return old_sparse_block(p, block);
	case STATE_SPARSE_MAP:
		return map_block(p, block);
	case STATE_ZERO:
		/* A header here would be an entry that other readers may or may not see. */
		if (!is_zero(block))
			return bad(p, -EBADMSG, "lone zero block between headers");
		p->state = STATE_END;
		return TAR_END;
	case STATE_EXT:
	case STATE_END:
		break;
	}
	return bad(p, -EINVAL, "block out of order");
}

int tar_parser_eof(struct tar_parser *p)
{
	if (p->state == STATE_END || p->state == STATE_ZERO)
		return 0;
	if (p->state == STATE_HEADER && !is_pending(p))
		return 0;
	return bad(p, -ENODATA, "archive ends in the middle of an entry");
}

const struct tar_entry *tar_parser_entry(const struct tar_parser *p)
{
	return &p->entry;
}

const char *tar_parser_why(const struct tar_parser *p)
{
	return p->why;
}
