/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/upper.h"
#include "storage/rmtree.h"

enum {
	DEEP = 3000, /* more than there are descriptors, and longer than PATH_MAX */
};

/* /tmp lies where user xattrs are: tmpfs has them since Linux 6.6. */
static char top_path[] = "/tmp/test_upper.XXXXXX";
static int top = -1;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(top_path))
		return -1;
	top = open(top_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || mkdirat(top, "ctr", 0700) < 0)
		return -1;
	if (fsetxattr(top, "user.try", "x", 1, 0) < 0 && errno == EOPNOTSUPP)
		exit(77);
	return 0;
}

static int teardown(void **state)
{
	int r = rmtree(top, "ctr", 0, 0);

	(void)state;
	fd_close(top);
	return r < 0 ? r : rmdir(top_path);
}

static void make_dir(const char *path)
{
	assert_int_equal(mkdirat(top, path, 0755), 0);
}

static void make_file(const char *path, const char *text)
{
	int fd = openat(top, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fd_close(fd);
}

static void whiteout(const char *path)
{
	assert_int_equal(mknodat(top, path, S_IFCHR, makedev(0, 0)), 0);
}

static void set(const char *path, const char *name)
{
	int fd = openat(top, path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(fsetxattr(fd, name, "y", 1, 0), 0);
	fd_close(fd);
}

static bool has(const char *path, const char *name)
{
	int fd = openat(top, path, O_RDONLY | O_CLOEXEC);
	char value[8];
	ssize_t n = fgetxattr(fd, name, value, sizeof(value));

	fd_close(fd);
	return n == 1 && value[0] == 'y';
}

static bool is_there(const char *path)
{
	return faccessat(top, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_whiteout(const char *path)
{
	struct stat st;

	return fstatat(top, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

/* What fuse-overlayfs leaves, and what a container may have called the same. */
static void fill(void)
{
	make_dir("ctr/fuse");
	make_dir("ctr/fuse/work");
	make_dir("ctr/fuse/upper");
	make_dir("ctr/fuse/upper/opaque");
	set("ctr/fuse/upper/opaque", "user.fuseoverlayfs.opaque");
	make_file("ctr/fuse/upper/opaque/.wh..wh..opq", "");
	whiteout("ctr/fuse/upper/opaque/.wh..opq");
	whiteout("ctr/fuse/upper/opaque/hidden");
	make_file("ctr/fuse/upper/opaque/.wh.hidden-too", "");
	make_file("ctr/fuse/upper/opaque/kept", "k");
	make_dir("ctr/fuse/upper/by-file");
	make_file("ctr/fuse/upper/by-file/.wh..wh..opq", "");
	make_dir("ctr/fuse/upper/merged");
	make_file("ctr/fuse/upper/merged/.wh.gone", "");
	whiteout("ctr/fuse/upper/merged/gone-too");
	make_file("ctr/fuse/upper/merged/copied", "c");
	set("ctr/fuse/upper/merged/copied", "user.fuseoverlayfs.origin");
	set("ctr/fuse/upper/merged/copied", "user.own");
	make_file("ctr/fuse/upper/merged/.wh.full", "text of a container");
	make_dir("ctr/fuse/upper/merged/.wh.dir");
	make_file("ctr/fuse/upper/merged/.wh.", "");
	assert_int_equal(symlinkat("../../../../outside", top, "ctr/fuse/upper/merged/.wh.link"),
			 0);
	assert_int_equal(symlinkat("../../../outside", top, "ctr/fuse/upper/out"), 0);
	make_dir("ctr/outside");
	make_file("ctr/outside/.wh.x", "");
	set("ctr/outside", "user.fuseoverlayfs.opaque");
}

static void check(void)
{
	assert_false(is_there("ctr/fuse"));
	assert_true(has("ctr/upper/opaque", "user.overlay.opaque"));
	assert_false(has("ctr/upper/opaque", "user.fuseoverlayfs.opaque"));
	assert_false(is_there("ctr/upper/opaque/.wh..wh..opq"));
	assert_false(is_there("ctr/upper/opaque/.wh..opq"));
	assert_false(is_there("ctr/upper/opaque/hidden"));
	assert_false(is_there("ctr/upper/opaque/.wh.hidden-too"));
	assert_false(is_there("ctr/upper/opaque/hidden-too"));
	assert_true(is_there("ctr/upper/opaque/kept"));
	assert_true(has("ctr/upper/by-file", "user.overlay.opaque"));
	assert_false(has("ctr/upper/merged", "user.overlay.opaque"));
	assert_true(is_whiteout("ctr/upper/merged/gone"));
	assert_false(is_there("ctr/upper/merged/.wh.gone"));
	assert_true(is_whiteout("ctr/upper/merged/gone-too"));
	assert_false(has("ctr/upper/merged/copied", "user.fuseoverlayfs.origin"));
	assert_true(has("ctr/upper/merged/copied", "user.own"));
	assert_true(is_there("ctr/upper/merged/.wh.full"));
	assert_true(is_there("ctr/upper/merged/.wh.dir"));
	assert_true(is_there("ctr/upper/merged/.wh.link"));
	/* Links are not followed. */
	assert_true(is_there("ctr/outside/.wh.x"));
	assert_true(has("ctr/outside", "user.fuseoverlayfs.opaque"));
	assert_true(is_there("ctr/work"));
}

static int open_ctr(void)
{
	int fd = openat(top, "ctr", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_to_overlay(void **state)
{
	int ctr = open_ctr();

	(void)state;
	fill();
	assert_int_equal(upper_for_overlay(ctr, NULL), 0);
	check();
	assert_int_equal(upper_for_overlay(ctr, NULL), 0);
	check();
	fd_close(ctr);
}

/* The other way nothing is changed: fuse-overlayfs reads what overlay wrote. */
static void test_to_fuse_and_back(void **state)
{
	int ctr = open_ctr(), fuse = upper_for_fuse(ctr, NULL);

	(void)state;
	assert_true(fuse >= 0);
	assert_false(is_there("ctr/upper"));
	assert_true(has("ctr/fuse/upper/opaque", "user.overlay.opaque"));
	assert_true(is_whiteout("ctr/fuse/upper/merged/gone"));
	fd_close(fuse);
	fuse = upper_for_fuse(ctr, NULL);
	assert_true(fuse >= 0);
	fd_close(fuse);
	assert_int_equal(upper_for_overlay(ctr, NULL), 0);
	check();
	/* Killed after the rename, before the rest was removed. */
	make_dir("ctr/fuse");
	make_dir("ctr/fuse/work");
	assert_int_equal(upper_for_overlay(ctr, NULL), 0);
	check();
	fd_close(ctr);
}

/* One descriptor, whatever the depth. */
static void test_deep(void **state)
{
	int fd = openat(top, "ctr/upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ctr = open_ctr();

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < DEEP; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "deeper", 0755), 0);
		next = openat(fd, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		fd_close(fd);
		fd = next;
	}
	assert_int_equal(mknodat(fd, ".wh.last", S_IFREG | 0600, 0), 0);
	assert_int_equal(upper_convert(ctr, NULL), 0);
	assert_int_equal(faccessat(fd, "last", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	fd_close(fd);
	fd_close(ctr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_overlay),
		cmocka_unit_test(test_to_fuse_and_back),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
