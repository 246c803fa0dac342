/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "storage/tar.h"
#include "tarmake.h"

/* Feed an archive from *pos up to the next entry: TAR_ENTRY, TAR_END or -errno. */
static int next(struct tar_parser *p, const struct tarmake *t, size_t *pos)
{
	for (;;) {
		size_t size;
		char *ext;
		int r;

		if (*pos + TAR_BLOCK > t->n)
			return *pos < t->n ? -ENODATA : tar_parser_eof(p) < 0 ? -ENODATA : TAR_END;
		r = tar_parser_block(p, t->p + *pos);
		*pos += TAR_BLOCK;
		if (r == TAR_WANT_EXT) {
			ext = tar_parser_ext(p, &size);
			if (*pos + size > t->n)
				return -ENODATA;
			if (size)
				memcpy(ext, t->p + *pos, size);
			*pos += size + tar_padding(size);
			r = tar_parser_ext_done(p);
			if (r < 0)
				return r;
		} else if (r != TAR_WANT_BLOCK) {
			return r;
		}
	}
}

static void skip_body(struct tar_parser *p, size_t *pos)
{
	uint64_t body = tar_parser_entry(p)->body;

	*pos += body + tar_padding(body);
}

/* The only entry of an archive. */
static const struct tar_entry *only(struct tar_parser *p, const struct tarmake *t)
{
	size_t pos = 0;

	assert_int_equal(next(p, t, &pos), TAR_ENTRY);
	return tar_parser_entry(p);
}

static int result(const struct tarmake *t)
{
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	size_t pos = 0;
	int r;

	while ((r = next(p, t, &pos)) == TAR_ENTRY)
		skip_body(p, &pos);
	if (r < 0)
		assert_true(tar_parser_why(p)[0] || r == -ENODATA);
	return r;
}

struct header_row {
	struct tarmake_entry in;
	enum tar_type type;
	const char *path;
	uint64_t body;
};

static const struct header_row header_rows[] = {
	{ { .type = '0', .name = "a", .size = 5 }, TAR_FILE, "a", 5 },
	{ { .type = '\0', .name = "a", .size = 5 }, TAR_FILE, "a", 5 },
	{ { .type = '7', .name = "a", .size = 5 }, TAR_FILE, "a", 5 },
	{ { .type = '\0', .name = "a/", .size = 5, .magic = "\0\0\0\0\0\0\0" }, TAR_DIR, "a/", 0 },
	{ { .type = '5', .name = "a/", .size = 5 }, TAR_DIR, "a/", 0 },
	{ { .type = '1', .name = "a", .link = "b", .size = 5 }, TAR_HARDLINK, "a", 0 },
	{ { .type = '2', .name = "a", .link = "b", .size = 5 }, TAR_SYMLINK, "a", 0 },
	{ { .type = '3', .name = "a", .size = 5 }, TAR_CHARDEV, "a", 0 },
	{ { .type = '4', .name = "a" }, TAR_BLOCKDEV, "a", 0 },
	{ { .type = '6', .name = "a", .size = 5 }, TAR_FIFO, "a", 0 },
	{ { .type = 'V', .name = "label" }, TAR_IGNORED, "label", 0 },
	{ { .type = '0', .name = "a", .prefix = "p/q" }, TAR_FILE, "p/q/a", 0 },
	/* GNU keeps other things there, v7 nothing at all. */
	{ { .type = '0', .name = "a", .prefix = "p/q", .magic = "ustar  " }, TAR_FILE, "a", 0 },
	{ { .type = '0', .name = "a", .prefix = "p", .magic = "\0\0\0\0\0\0\0" },
	  TAR_FILE,
	  "a",
	  0 },
};

static void test_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(header_rows); i++) {
		const struct header_row *row = &header_rows[i];
		_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
		_cleanup_(tarmake_done) struct tarmake t = { 0 };
		const struct tar_entry *e;

		tarmake_add(&t, &row->in);
		e = only(p, &t);
		assert_int_equal(e->type, row->type);
		assert_string_equal(e->path, row->path);
		assert_true(e->body == row->body);
	}
}

static void test_full_fields(void **state)
{
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	_cleanup_(tarmake_done) struct tarmake t = { 0 };
	char name[101], link[101], prefix[156], want[300];
	const struct tar_entry *e;

	(void)state;
	memset(name, 'n', 100);
	memset(link, 'l', 100);
	memset(prefix, 'p', 155);
	name[100] = link[100] = prefix[155] = '\0';
	tarmake_add(&t, &(struct tarmake_entry){ .type = '2',
						 .name = name,
						 .link = link,
						 .prefix = prefix,
						 .mode = 04755,
						 .uid = 07777777,
						 .gid = 12,
						 .mtime = 077777777777 });
	e = only(p, &t);
	(void)snprintf(want, sizeof(want), "%s/%s", prefix, name);
	assert_string_equal(e->path, want);
	assert_string_equal(e->link, link);
	assert_int_equal(e->mode, 04755);
	assert_true(e->uid == 07777777);
	assert_true(e->gid == 12);
	assert_true(e->mtime == 077777777777);
}

struct number_row {
	const char bytes[13]; /* of the mtime field */
	int64_t want;
	bool bad;
};

static const struct number_row number_rows[] = {
	{ "00000001000\0", 512, false },
	{ "     1000 \0\0", 512, false },
	{ "\0\0\0\0\0\0\0\0\0\0\0\0", 0, false },
	{ "777777777777", 0xfffffffff, false },
	{ "00000001008\0", 0, true },
	{ "-0000001000\0", 0, true },
	{ "\x80\0\0\0\0\0\0\0\0\0\x01\x02", 258, false },
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", -1, false },
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", -256, false },
	{ "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", INT64_MAX, false },
	{ "\x80\0\0\0\x80\0\0\0\0\0\0\0", 0, true },
	{ "\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", INT64_MIN, false },
	{ "\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 0, true },
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(number_rows); i++) {
		const struct number_row *row = &number_rows[i];
		_cleanup_(tarmake_done) struct tarmake t = { 0 };

		tarmake_add(&t, &(struct tarmake_entry){ .type = '0', .name = "a" });
		memcpy(tarmake_last(&t, 0) + 136, row->bytes, 12);
		tarmake_sum(tarmake_last(&t, 0));
		if (row->bad) {
			assert_int_equal(result(&t), -EBADMSG);
		} else {
			_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();

			assert_true(only(p, &t)->mtime == row->want);
		}
	}
}

static void test_checksum(void **state)
{
	_cleanup_(tarmake_done) struct tarmake t = { 0 };
	uint8_t *b;
	int sum = 0;

	(void)state;
	tarmake_add(&t, &(struct tarmake_entry){ .type = '0', .name = "caf\xc3\xa9" });
	b = tarmake_last(&t, 0);
	assert_int_equal(result(&t), TAR_END);
	b[0] ^= 1;
	assert_int_equal(result(&t), -EBADMSG);
	b[0] ^= 1;
	/* The sum of signed bytes, as SunOS once did. */
	memset(b + 148, ' ', 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (signed char)b[i];
	(void)snprintf((char *)b + 148, 7, "%06o", (unsigned)sum);
	assert_int_equal(result(&t), TAR_END);
}

static void test_end(void **state)
{
	static const uint8_t zero[TAR_BLOCK];
	_cleanup_(tarmake_done) struct tarmake t = { 0 };

	(void)state;
	assert_int_equal(result(&t), TAR_END); /* nothing at all */
	tarmake_file(&t, "a", "text");
	assert_int_equal(result(&t), TAR_END); /* no end mark */
	tarmake_bytes(&t, zero, sizeof(zero));
	assert_int_equal(result(&t), TAR_END); /* half of one */
	tarmake_file(&t, "b", "");
	assert_int_equal(result(&t), -EBADMSG); /* an entry after that is one too many */
	t.n -= TAR_BLOCK;
	tarmake_bytes(&t, zero, sizeof(zero));
	tarmake_bytes(&t, "garbage", 7);
	assert_int_equal(result(&t), TAR_END); /* what follows is nobody's */
}

static void test_pending_end(void **state)
{
	_cleanup_(tarmake_done) struct tarmake t = { 0 }, g = { 0 };

	(void)state;
	tarmake_pax(&t, 'x', "path", "long", NULL);
	assert_int_equal(result(&t), -ENODATA);
	tarmake_end(&t);
	assert_int_equal(result(&t), -EBADMSG);
	tarmake_pax(&g, 'g', "comment", "a commit", NULL);
	assert_int_equal(result(&g), TAR_END);
}

static void test_pax(void **state)
{
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	_cleanup_(tarmake_done) struct tarmake t = { 0 };
	const struct tar_entry *e;
	size_t pos = 0;

	(void)state;
	tarmake_pax(&t, 'x', "path", "a/long name", "linkpath", "target", "uid", "4000000000",
		    "gid", "3", "mtime", "12.34567891234", "size", "3", "uname", "joe",
		    "hdrcharset", "BINARY", "unknown.key", "x", NULL);
	tarmake_add(&t, &(struct tarmake_entry){
				.type = '0', .name = "short", .data = "abc", .data_len = 3 });
	tarmake_file(&t, "next", "text");
	assert_int_equal(next(p, &t, &pos), TAR_ENTRY);
	e = tar_parser_entry(p);
	assert_string_equal(e->path, "a/long name");
	assert_string_equal(e->link, "target");
	assert_true(e->uid == 4000000000);
	assert_true(e->gid == 3);
	assert_true(e->mtime == 12);
	assert_int_equal(e->mtime_ns, 345678912);
	assert_true(e->size == 3);
	skip_body(p, &pos);
	/* Local headers are for one entry. */
	assert_int_equal(next(p, &t, &pos), TAR_ENTRY);
	assert_string_equal(e->path, "next");
	assert_true(e->uid == 0);
	assert_true(e->size == 4);
}

static void test_pax_global(void **state)
{
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	_cleanup_(tarmake_done) struct tarmake t = { 0 };
	const struct tar_entry *e = tar_parser_entry(p);
	size_t pos = 0;

	(void)state;
	tarmake_pax(&t, 'g', "uid", "7", "gid", "8", "SCHILY.xattr.user.a", "1", NULL);
	tarmake_file(&t, "one", "");
	tarmake_pax(&t, 'x', "uid", "", "gid", "9", NULL);
	tarmake_file(&t, "two", "");
	tarmake_pax(&t, 'g', "uid", "", NULL);
	tarmake_file(&t, "three", "");
	tarmake_pax(&t, 'g', "uid", "5", NULL);
	tarmake_file(&t, "four", "");
	assert_int_equal(next(p, &t, &pos), TAR_ENTRY);
	assert_true(e->uid == 7 && e->gid == 8 && e->n_xattrs == 1);
	assert_int_equal(next(p, &t, &pos), TAR_ENTRY);
	assert_true(e->uid == 0 && e->gid == 9 && e->n_xattrs == 1);
	assert_int_equal(next(p, &t, &pos), TAR_ENTRY);
	assert_true(e->uid == 0 && e->gid == 8);
	assert_int_equal(next(p, &t, &pos), TAR_ENTRY);
	assert_true(e->uid == 5 && e->gid == 8);
	assert_int_equal(next(p, &t, &pos), TAR_END);
}

struct time_row {
	const char *text;
	int64_t sec; /* INT64_MIN: refused */
	uint32_t ns;
};

static const struct time_row time_rows[] = {
	{ "0", 0, 0 },
	{ "1.5", 1, 500000000 },
	{ "1.", 1, 0 },
	{ "-1", -1, 0 },
	{ "-1.25", -2, 750000000 },
	{ "-0.000000001", -1, 999999999 },
	{ "9223372036854775806", INT64_MAX - 1, 0 },
	{ "9223372036854775808", INT64_MIN, 0 },
	{ "1.5e3", INT64_MIN, 0 },
	{ "--1", INT64_MIN, 0 },
	{ ".5", INT64_MIN, 0 },
	{ "-", INT64_MIN, 0 },
	{ " 1", INT64_MIN, 0 },
};

static void test_pax_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(time_rows); i++) {
		_cleanup_(tarmake_done) struct tarmake t = { 0 };
		_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();

		tarmake_pax(&t, 'x', "mtime", time_rows[i].text, NULL);
		tarmake_file(&t, "a", "");
		if (time_rows[i].sec == INT64_MIN) {
			assert_int_equal(result(&t), -EBADMSG);
			continue;
		}
		assert_true(only(p, &t)->mtime == time_rows[i].sec);
		assert_int_equal(tar_parser_entry(p)->mtime_ns, time_rows[i].ns);
	}
}

static void test_pax_malformed(void **state)
{
	static const char *const rows[] = {
		"8 path=a\n",
		"11 path=abc\n",
		"1 path=a\n",
		"99 path=a\n",
		"path=a\n",
		"-9 path=a\n",
		"9  path=a\n",
		"8 patha\n",
		"7 =aaa\n",
		"10 path=ab",
		"11 path=\0b\n",
		"0 \n",
		"\n",
		"4 a\n",
		"13 size=0x10\n",
		"10 uid= 1\n",
		"11 uid=1.0\n",
		"9999999999999999999999 path=a\n",
		"10 path=ab\n\n",
	};
	static const size_t lens[ARRAY_SIZE(rows)] = { [10] = 11 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(tarmake_done) struct tarmake t = { 0 };

		tarmake_add(&t, &(struct tarmake_entry){ .type = 'x',
							 .name = "x",
							 .data = rows[i],
							 .data_len = lens[i] ? lens[i]
									     : strlen(rows[i]) });
		tarmake_file(&t, "a", "");
		assert_int_equal(result(&t), -EBADMSG);
	}
}

static void assert_xattr(const struct tar_entry *e, size_t i, const char *name, const char *value)
{
	assert_int_equal(e->xattrs[i].name_len, strlen(name));
	assert_memory_equal(e->xattrs[i].name, name, strlen(name));
	assert_int_equal(e->xattrs[i].value_len, strlen(value));
	assert_memory_equal(e->xattrs[i].value, value, strlen(value));
}

static void test_xattrs(void **state)
{
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	_cleanup_(tarmake_done) struct tarmake t = { 0 };
	const struct tar_entry *e;

	(void)state;
	tarmake_pax(&t, 'x', "SCHILY.xattr.user.a", "one\ntwo", "LIBARCHIVE.xattr.user.%61", "T05F",
		    "LIBARCHIVE.xattr.user.b%3Dc%zz", "d29ybGQ=", "SCHILY.xattr.user.gone", "x",
		    "SCHILY.xattr.user.gone", "", NULL);
	tarmake_file(&t, "a", "");
	e = only(p, &t);
	assert_int_equal(e->n_xattrs, 2);
	assert_xattr(e, 0, "user.a", "ONE");
	assert_xattr(e, 1, "user.b=c%zz", "world");
}

static void test_xattr_limits(void **state)
{
	_cleanup_(tarmake_done) struct tarmake many = { 0 }, big = { 0 }, nul = { 0 };
	_cleanup_(freep) char *value = xcalloc(1, TAR_XATTR_VALUE_MAX + 2);
	struct str_buf b;

	(void)state;
	str_buf_init(&b, 1 << 20);
	for (int i = 0; i <= TAR_XATTRS_MAX; i++)
		str_buf_addf(&b, "25 SCHILY.xattr.a%04d=12\n", i);
	tarmake_add(&many, &(struct tarmake_entry){
				   .type = 'x', .name = "x", .data = b.s, .data_len = b.len });
	tarmake_file(&many, "a", "");
	assert_int_equal(result(&many), -EFBIG);
	str_buf_done(&b);
	memset(value, 'v', TAR_XATTR_VALUE_MAX + 1);
	tarmake_pax(&big, 'x', "SCHILY.xattr.user.a", value, NULL);
	tarmake_file(&big, "a", "");
	assert_int_equal(result(&big), -EFBIG);
	tarmake_pax(&nul, 'x', "LIBARCHIVE.xattr.user.%00", "aaaa", NULL);
	tarmake_file(&nul, "a", "");
	assert_int_equal(result(&nul), -EBADMSG);
}

static void test_gnu_long(void **state)
{
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	_cleanup_(tarmake_done) struct tarmake t = { 0 }, over = { 0 };
	char path[TAR_PATH_MAX + 1];
	const struct tar_entry *e;

	(void)state;
	memset(path, 'a', sizeof(path));
	path[TAR_PATH_MAX - 1] = '\0';
	tarmake_long(&t, 'K', "link/target");
	tarmake_long(&t, 'L', path);
	tarmake_pax(&t, 'x', "path", "not this one", NULL);
	tarmake_link(&t, '2', "short", "short");
	e = only(p, &t);
	assert_string_equal(e->path, path);
	assert_string_equal(e->link, "link/target");
	path[TAR_PATH_MAX - 1] = 'a';
	path[TAR_PATH_MAX] = '\0';
	tarmake_long(&over, 'L', path);
	tarmake_file(&over, "short", "");
	assert_int_equal(result(&over), -ENAMETOOLONG);
}

static void test_limits(void **state)
{
	_cleanup_(tarmake_done) struct tarmake ext = { 0 }, chain = { 0 }, global = { 0 };
	_cleanup_(freep) char *value = xcalloc(1, 40000);

	(void)state;
	tarmake_add(&ext,
		    &(struct tarmake_entry){ .type = 'x', .name = "x", .size = TAR_EXT_MAX + 1 });
	assert_int_equal(result(&ext), -EFBIG);
	for (int i = 0; i <= TAR_EXT_CHAIN_MAX; i++)
		tarmake_pax(&chain, 'x', "path", "a", NULL);
	assert_int_equal(result(&chain), -EFBIG);
	memset(value, 'v', 39999);
	for (int i = 0; i < 2; i++)
		tarmake_pax(&global, 'g', "comment", value, NULL);
	assert_int_equal(result(&global), -EFBIG);
}

static void test_unknown_type(void **state)
{
	(void)state;
	for (const char *c = "MNADZ8\x01"; *c; c++) {
		_cleanup_(tarmake_done) struct tarmake t = { 0 };

		tarmake_add(&t, &(struct tarmake_entry){ .type = *c, .name = "a" });
		assert_int_equal(result(&t), -EOPNOTSUPP);
	}
}

static void assert_segment(const struct tar_entry *e, size_t i, uint64_t offset, uint64_t length)
{
	assert_true(i < e->n_segments);
	assert_true(e->segments[i].offset == offset);
	assert_true(e->segments[i].length == length);
}

/* "offset,length" pairs into the octal fields of type S. */
static void old_pairs(uint8_t *at, const uint64_t *v, size_t pairs)
{
	for (size_t i = 0; i < 2 * pairs; i++)
		(void)snprintf((char *)at + 12 * i, 12, "%011llo", (unsigned long long)v[i]);
}

static void test_sparse_old(void **state)
{
	static const uint64_t first[] = { 0, 4, 512, 4, 1024, 4, 2048, 4 }, more[] = { 4096, 4 };
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	_cleanup_(tarmake_done) struct tarmake t = { 0 };
	uint8_t block[TAR_BLOCK] = { 0 }, *b;
	const struct tar_entry *e;

	(void)state;
	tarmake_add(&t, &(struct tarmake_entry){
				.type = 'S', .name = "s", .size = 20, .magic = "ustar  " });
	b = tarmake_last(&t, 0);
	old_pairs(b + 386, first, 4);
	b[482] = 1;
	(void)snprintf((char *)b + 483, 12, "%011o", 5000);
	tarmake_sum(b);
	old_pairs(block, more, 1);
	tarmake_bytes(&t, block, sizeof(block));
	e = only(p, &t);
	assert_true(e->is_sparse);
	assert_true(e->size == 5000);
	assert_true(e->body == 20);
	assert_int_equal(e->n_segments, 5);
	assert_segment(e, 1, 512, 4);
	assert_segment(e, 4, 4096, 4);
}

static void test_sparse_pax(void **state)
{
	static const char map10[] = "2\n0\n3\n1000\n2\n";
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	_cleanup_(tarmake_done) struct tarmake t = { 0 };
	const struct tar_entry *e = tar_parser_entry(p);
	uint8_t data[TAR_BLOCK + 5] = { 0 };
	size_t pos = 0;

	(void)state;
	tarmake_pax(&t, 'x', "GNU.sparse.size", "5000", "GNU.sparse.numblocks", "2",
		    "GNU.sparse.offset", "0", "GNU.sparse.numbytes", "3", "GNU.sparse.offset",
		    "1000", "GNU.sparse.numbytes", "2", NULL);
	tarmake_file(&t, "zero", "abcde");
	tarmake_pax(&t, 'x', "GNU.sparse.name", "real/name", "GNU.sparse.size", "5000",
		    "GNU.sparse.map", "0,3,1000,2", NULL);
	tarmake_file(&t, "GNUSparseFile.0/one", "abcde");
	memcpy(data, map10, sizeof(map10) - 1);
	tarmake_pax(&t, 'x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name",
		    "real/name", "GNU.sparse.realsize", "5000", NULL);
	tarmake_add(&t, &(struct tarmake_entry){
				.type = '0', .name = "x", .data = data, .data_len = sizeof(data) });
	for (int i = 0; i < 3; i++) {
		assert_int_equal(next(p, &t, &pos), TAR_ENTRY);
		assert_true(e->is_sparse);
		assert_true(e->size == 5000);
		assert_true(e->body == 5);
		assert_int_equal(e->n_segments, 2);
		assert_segment(e, 0, 0, 3);
		assert_segment(e, 1, 1000, 2);
		assert_string_equal(e->path, i ? "real/name" : "zero");
		skip_body(p, &pos);
	}
}

static void test_sparse_bad(void **state)
{
	static const char *const maps[] = {
		"0,3,2,2",    "1000,2,0,3", "0,5000,4999,5", "0,4",   "0,3,1000,3",
		"0,3,9999,2", "0",	    "a,b",	     "0,-5,", "0,3,18446744073709551615,2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		_cleanup_(tarmake_done) struct tarmake t = { 0 };

		tarmake_pax(&t, 'x', "GNU.sparse.size", "5000", "GNU.sparse.map", maps[i], NULL);
		tarmake_file(&t, "a", "abcde");
		assert_int_equal(result(&t), -EBADMSG);
	}
}

static void test_sparse_bad_10(void **state)
{
	static const char *const maps[] = {
		"2\n0\n3\n1000\n3\n",
		"99999999999\n",
		"1048577\n",
		"x\n",
		"\n",
		"1\n0\n",
		"1\n99999999999999999999999\n0\n",
		"1\n0\n-5\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		_cleanup_(tarmake_done) struct tarmake t = { 0 };
		uint8_t data[TAR_BLOCK + 5] = { 0 };
		int r;

		assert_int_equal(str_copy((char *)data, sizeof(data), maps[i]), 0);
		tarmake_pax(&t, 'x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0",
			    "GNU.sparse.realsize", "5000", NULL);
		tarmake_add(&t, &(struct tarmake_entry){ .type = '0',
							 .name = "x",
							 .data = data,
							 .data_len = sizeof(data) });
		r = result(&t);
		assert_true(r == -EBADMSG || r == -EFBIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),	      cmocka_unit_test(test_full_fields),
		cmocka_unit_test(test_numbers),	      cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_end),	      cmocka_unit_test(test_pending_end),
		cmocka_unit_test(test_pax),	      cmocka_unit_test(test_pax_global),
		cmocka_unit_test(test_pax_times),     cmocka_unit_test(test_pax_malformed),
		cmocka_unit_test(test_xattrs),	      cmocka_unit_test(test_xattr_limits),
		cmocka_unit_test(test_gnu_long),      cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unknown_type),  cmocka_unit_test(test_sparse_old),
		cmocka_unit_test(test_sparse_pax),    cmocka_unit_test(test_sparse_bad),
		cmocka_unit_test(test_sparse_bad_10),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
