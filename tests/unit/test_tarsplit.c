/* SPDX-License-Identifier: Apache-2.0 */
/* The exact archive is made again from tree and sidecar, however it was packed. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "codec/inflate.h"
#include "storage/rmtree.h"
#include "storage/tarsplit.h"
#include "transfer/content.h"
#include "untar_box.h"

/* The plain form out of the sidecar. */
struct source {
	struct sidecar_tarsplit s;
	struct inflate *inflate; /* NULL: it is plain */
	uint64_t total;
	unsigned char buf[1000];
};

static int pull(void *ctx, const unsigned char **ret, size_t *ret_len)
{
	struct source *s = ctx;
	size_t n = s->s.len < sizeof(s->buf) ? s->s.len : sizeof(s->buf);

	if (s->inflate) {
		assert_int_equal(inflate_run(s->inflate, &s->s.p, &s->s.len, s->buf, sizeof(s->buf),
					     &n),
				 0);
	} else {
		memcpy(s->buf, s->s.p, n);
		s->s.p += n;
		s->s.len -= n;
	}
	s->total += n;
	*ret = s->buf;
	*ret_len = n;
	return n > 0;
}

struct compare {
	const struct tarmake *want;
	size_t at;
};

static int compare(void *ctx, const void *p, size_t n)
{
	struct compare *c = ctx;

	assert_in_range(n, 0, c->want->n - c->at);
	assert_memory_equal(c->want->p + c->at, p, n);
	c->at += n;
	return 0;
}

static int rebuild(struct box *b, struct error *err)
{
	_cleanup_(sidecar_closep) struct sidecar *meta = NULL;
	_cleanup_(inflate_freep) struct inflate *inflate = NULL;
	struct compare c = { .want = &b->tar };
	struct source s = { 0 };
	int r;

	assert_int_equal(sidecar_open(b->wrapper, &meta, NULL), 0);
	r = sidecar_get_tarsplit(meta, &s.s);
	if (r < 0)
		return r;
	assert_int_equal(s.s.codec, b->squeeze ? SQUEEZE_ZSTD : SQUEEZE_PLAIN);
	if (b->squeeze)
		assert_int_equal(inflate_new(INFLATE_ZSTD, &inflate), 0);
	s.inflate = inflate;
	r = tarsplit_rebuild(pull, &s, b->tree, compare, &c, err);
	if (r == 0) {
		assert_int_equal(c.at, b->tar.n);
		assert_int_equal(s.total, s.s.plain_len);
	}
	return r;
}

/* By all ways: plain and compressed, whole and in small pieces. */
static void all_ways(struct box *b)
{
	static const size_t pieces[] = { 256 << 10, 511 };

	for (int i = 0; i < 4; i++) {
		_cleanup_(compress_freep) struct compress *z = NULL;
		struct squeeze squeeze;
		struct error err = { 0 };
		int r = i & 1 ? compress_new(&z) : 0;

		if (r == -EOPNOTSUPP)
			continue;
		assert_int_equal(r, 0);
		if (z)
			content_squeeze(z, &squeeze);
		b->squeeze = z ? &squeeze : NULL;
		b->piece = pieces[i / 2];
		box_renew(b);
		assert_int_equal(box_unpack_raw(b), 0);
		r = rebuild(b, &err);
		if (r < 0)
			print_error("%s\n", err.text);
		assert_int_equal(r, 0);
		b->squeeze = NULL;
	}
}

/* ---- GNU tar's archives ---- */

static void put(int dirfd, const char *name, size_t n, off_t at)
{
	_cleanup_(freep) char *p = xmalloc(n + 1);
	_cleanup_(fd_closep) int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i * 7 % 23);
	assert_true(fd >= 0);
	assert_true(pwrite(fd, p, n, at) == (ssize_t)n);
}

static void make_source(int dirfd, bool long_names)
{
	char name[201] = { 0 };

	assert_int_equal(mkdirat(dirfd, "d", 0750), 0);
	put(dirfd, "empty", 0, 0);
	put(dirfd, "d/one", 1, 0);
	put(dirfd, "d/block", 512, 0);
	put(dirfd, "d/more", 70001, 0);
	put(dirfd, "sparse", 5000, 0);
	put(dirfd, "sparse", 100, 1 << 20);
	put(dirfd, "sparse", 4096, 3 << 20);
	assert_int_equal(symlinkat("d/one", dirfd, "soft"), 0);
	assert_int_equal(linkat(dirfd, "d/more", dirfd, "hard", 0), 0);
	assert_int_equal(linkat(dirfd, "empty", dirfd, "nothing", 0), 0);
	assert_int_equal(mkfifoat(dirfd, "fifo", 0600), 0);
	memset(name, 'n', 200);
	if (long_names) {
		put(dirfd, name, 300, 0);
		assert_int_equal(symlinkat(name, dirfd, "long"), 0);
	}
}

static void run_tar(const char *dir, const char *const *options, const char *out)
{
	_cleanup_(strv_done) struct strv argv = { 0 };
	struct proc_spec spec = { .dirfd = AT_FDCWD, .path = "/bin/tar" };
	struct error err = { 0 };
	struct proc p;
	int status;

	strv_add(&argv, "tar");
	strv_add(&argv, "-C");
	strv_add(&argv, dir);
	strv_add(&argv, "-cf");
	strv_add(&argv, out);
	for (; *options; options++)
		strv_add(&argv, *options);
	strv_add(&argv, ".");
	spec.argv = argv.v;
	assert_int_equal(proc_spawn(&spec, &p, &err), 0);
	assert_int_equal(proc_wait(&p, &status), 0);
	proc_done(&p);
	assert_int_equal(status, 0);
}

static void load(struct box *b, const char *path)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[8192];
	ssize_t n;

	assert_true(fd >= 0);
	b->tar.n = 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		tarmake_bytes(&b->tar, buf, (size_t)n);
	assert_int_equal(n, 0);
}

static void pack_and_rebuild(struct box *b, bool long_names, const char *const *options)
{
	char dir[] = "/tmp/test_tarsplit.XXXXXX", file[sizeof(dir) + 8], src[sizeof(dir) + 8];
	int top, fd;

	if (access("/bin/tar", X_OK) < 0)
		skip();
	assert_non_null(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/tar", dir);
	(void)snprintf(src, sizeof(src), "%s/src", dir);
	assert_int_equal(mkdir(src, 0700), 0);
	top = open(src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_source(top, long_names);
	run_tar(src, options, file);
	load(b, file);
	all_ways(b);
	fd_close(top);
	fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(rmtree(fd, dir + strlen("/tmp/"), 0, 0), 0);
	fd_close(fd);
}

#define PACKING(name, long_names, ...)                                      \
	static void test_##name(void **state)                               \
	{                                                                   \
		static const char *const options[] = { __VA_ARGS__, NULL }; \
                                                                            \
		pack_and_rebuild(*state, long_names, options);              \
	}

PACKING(v7, false, "--format=v7", "--exclude=./fifo")
PACKING(ustar, false, "--format=ustar")
PACKING(gnu, true, "--format=gnu")
PACKING(gnu_sparse, true, "--format=gnu", "--sparse")
PACKING(oldgnu_sparse, true, "--format=oldgnu", "--sparse", "-b1")
PACKING(pax, true, "--format=pax")
PACKING(pax_global, true, "--format=pax", "--pax-option=globexthdr.name=g,comment=x")
PACKING(pax_sparse_00, true, "--format=pax", "--sparse", "--sparse-version=0.0")
PACKING(pax_sparse_01, true, "--format=pax", "--sparse", "--sparse-version=0.1")
PACKING(pax_sparse_10, true, "--format=pax", "--sparse", "--sparse-version=1.0")

/* ---- what no good packer writes ---- */

static void test_odd(void **state)
{
	struct box *b = *state;
	struct tarmake_entry whiteout = { .type = '0', .name = "d/.wh.x", .data = "abc" };

	whiteout.data_len = 3; /* that nothing in the tree has */
	tarmake_add(&b->tar, &whiteout);
	tarmake_add(&b->tar, &(struct tarmake_entry){ .type = '3', .name = "dev", .major = 1 });
	tarmake_file(&b->tar, "d/.wh..wh..opq", "q");
	tarmake_file(&b->tar, "d/.wh..wh.plnk/1", "aufs");
	tarmake_link(&b->tar, '2', "to", "d");
	tarmake_file(&b->tar, "to/f", "by a symlink");
	tarmake_link(&b->tar, '2', "to", "elsewhere");
	tarmake_file(&b->tar, "e", "");
	tarmake_file(&b->tar, "e", "replaces nothing that had data");
	tarmake_end(&b->tar);
	tarmake_bytes(&b->tar, "what follows the end", 20);
	all_ways(b);
	/* The last padding is missing, and the end. */
	b->tar.n = 0;
	tarmake_file(&b->tar, "f", "12345");
	b->tar.n -= 500;
	all_ways(b);
	b->tar.n = 0;
	all_ways(b);
}

/* Data of the first one is gone: then there is no section, and not a wrong one. */
static void test_twice(void **state)
{
	struct box *b = *state;

	tarmake_file(&b->tar, "f", "first");
	tarmake_file(&b->tar, "f", "other");
	assert_int_equal(box_unpack(b), 0);
	assert_int_equal(rebuild(b, NULL), -ENOENT);
	b->tar.n = 0;
	box_renew(b);
	tarmake_file(&b->tar, "d/f", "first");
	tarmake_link(&b->tar, '2', "d", "elsewhere");
	assert_int_equal(box_unpack(b), 0);
	assert_int_equal(rebuild(b, NULL), -ENOENT);
}

static void test_limit(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 100; i++)
		tarmake_dir(&b->tar, "d");
	b->limits.split_bytes = 100 * 512;
	assert_int_equal(box_unpack(b), 0);
	assert_int_equal(rebuild(b, NULL), -ENOENT);
	b->limits.split_bytes = 103 * 512;
	box_renew(b);
	assert_int_equal(box_unpack_raw(b), 0);
	assert_int_equal(rebuild(b, NULL), 0);
}

static void test_changed(void **state)
{
	struct box *b = *state;
	struct error err = { 0 };

	tarmake_file(&b->tar, "d/f", "12345");
	assert_int_equal(box_unpack(b), 0);
	box_put(b->tree, "d/f", "1234");
	assert_int_equal(rebuild(b, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "d/f"));
	assert_int_equal(unlinkat(b->tree, "d/f", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", b->tree, "d/f"), 0);
	assert_int_equal(rebuild(b, NULL), -EUCLEAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(test_v7),
		BOX_TEST(test_ustar),
		BOX_TEST(test_gnu),
		BOX_TEST(test_gnu_sparse),
		BOX_TEST(test_oldgnu_sparse),
		BOX_TEST(test_pax),
		BOX_TEST(test_pax_global),
		BOX_TEST(test_pax_sparse_00),
		BOX_TEST(test_pax_sparse_01),
		BOX_TEST(test_pax_sparse_10),
		BOX_TEST(test_odd),
		BOX_TEST(test_twice),
		BOX_TEST(test_limit),
		BOX_TEST(test_changed),
	};

	return box_run(tests, ARRAY_SIZE(tests));
}
