/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "untar_box.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "storage/rmtree.h"

enum {
	SKIPPED = 77,
};

char box_top[] = "/tmp/test_untar.XXXXXX";

static int piece(void *ctx, const unsigned char **ret, size_t *ret_len)
{
	struct box *b = ctx;
	size_t n = b->tar.n - b->pos < b->piece ? b->tar.n - b->pos : b->piece;

	/* The ring of a pull would wait for ever here. */
	assert_false(b->ended);
	*ret = b->tar.p + b->pos;
	*ret_len = n;
	b->pos += n;
	b->ended = n == 0;
	return n > 0;
}

void box_put(int dirfd, const char *name, const char *s)
{
	_cleanup_(fd_closep) int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, s, strlen(s)), 0);
}

void box_renew(struct box *b)
{
	fd_close(b->tree);
	fd_close(b->wrapper);
	b->tree = b->wrapper = -1;
	assert_int_equal(rmtree(b->top, "wrapper", 0, 0), 0);
	assert_int_equal(mkdirat(b->top, "wrapper", 0700), 0);
	b->wrapper = openat(b->top, "wrapper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(b->wrapper >= 0);
}

int box_setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));

	b->tree = b->wrapper = -1;
	b->ids = geteuid() == 0 && getenv("UNTAR_ONE_ID") ? 1 : 65536;
	b->piece = 256 << 10;
	b->top = open(box_top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->top < 0)
		return -1;
	box_put(b->top, "canary", "untouched");
	box_renew(b);
	*state = b;
	return 0;
}

static void check_canary(struct box *b)
{
	char buf[16] = { 0 };
	_cleanup_(fd_closep) int fd = openat(b->top, "canary", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 9);
	assert_string_equal(buf, "untouched");
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mode & 07777, 0644);
	/* Nothing new beside it. */
	assert_int_equal(fstat(b->top, &st), 0);
	assert_int_equal(st.st_nlink, 3);
	assert_int_equal(fstatat(b->top, "evil", &st, AT_SYMLINK_NOFOLLOW), -1);
}

int box_teardown(void **state)
{
	struct box *b = *state;

	check_canary(b);
	fd_close(b->tree);
	fd_close(b->wrapper);
	if (rmtree(b->top, "wrapper", 0, 0) != 0)
		return -1;
	fd_close(b->top);
	tarmake_done(&b->tar);
	free(b);
	return 0;
}

/* Unpack what was made; on success the tree must be as its record says. */
int box_unpack_raw(struct box *b)
{
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct untar_request req = { .dirfd = b->wrapper,
				     .source = piece,
				     .ctx = b,
				     .limits = b->limits,
				     .id_count = b->ids,
				     .hash = b->hash,
				     .squeeze = b->squeeze };
	int r;

	b->pos = 0;
	b->ended = false;
	error_clear(&b->err);
	r = untar_run(&req, &b->stats, &b->err);
	if (r < 0) {
		assert_true(error_is_set(&b->err));
		return r;
	}
	b->tree = openat(b->wrapper, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	assert_true(b->tree >= 0);
	assert_int_equal(sidecar_open(b->wrapper, &s, &b->err), 0);
	r = sidecar_verify_tree(s, b->tree, b->hash, &b->err);
	if (r < 0)
		print_error("%s\n", b->err.text);
	assert_int_equal(r, 0);
	return 0;
}

int box_unpack(struct box *b)
{
	tarmake_end(&b->tar);
	return box_unpack_raw(b);
}

struct stat box_stat(struct box *b, const char *path)
{
	struct stat st;

	if (fstatat(b->tree, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s is not there", path);
	return st;
}

void box_absent(struct box *b, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(b->tree, path, &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(errno, ENOENT);
}

void box_content(struct box *b, const char *path, const char *want)
{
	char buf[256];
	_cleanup_(fd_closep) int fd = openat(b->tree, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail_msg("%s is not there", path);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, want);
}

bool box_opaque(struct box *b, const char *path)
{
	_cleanup_(fd_closep) int fd = openat(b->tree, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char v[4];

	assert_true(fd >= 0);
	return fgetxattr(fd, "user.overlay.opaque", v, sizeof(v)) == 1 && v[0] == 'y';
}

bool box_whiteout(struct box *b, const char *path)
{
	struct stat st = box_stat(b, path);

	return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

struct sidecar_entry box_record(struct box *b, struct sidecar **s, const char *path)
{
	struct sidecar_entry e;
	size_t i;

	assert_int_equal(sidecar_open(b->wrapper, s, NULL), 0);
	assert_int_equal(sidecar_find(*s, path, &i), 0);
	sidecar_get(*s, i, &e);
	return e;
}

/* Root of a namespace with one id, so that the test needs no privilege and risks nothing. */
static int become_root(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char buf[64];
	const char *const files[] = { "/proc/self/setgroups", "/proc/self/uid_map",
				      "/proc/self/gid_map" };

	if (uid == 0)
		return 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(fd_closep) int fd = open(files[i], O_WRONLY | O_CLOEXEC);
		int r;

		(void)snprintf(buf, sizeof(buf), "0 %u 1", i == 1 ? uid : gid);
		r = fd < 0 ? -errno : fd_write_all(fd, i ? buf : "deny", i ? strlen(buf) : 4);
		if (r < 0)
			return r;
	}
	return setenv("UNTAR_ONE_ID", "1", 1) < 0 ? -errno : 0;
}

static int remove_top(void **state)
{
	(void)state;
	return rmtree(AT_FDCWD, box_top, 0, 0);
}

int box_run(const struct CMUnitTest *tests, size_t n)
{
	if (become_root() < 0) {
		print_message("skipped: no user namespace on this host\n");
		return SKIPPED;
	}
	if (!mkdtemp(box_top))
		return 1;
	return _cmocka_run_group_tests("untar", tests, n, NULL, remove_top);
}
