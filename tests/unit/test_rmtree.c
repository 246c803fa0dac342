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
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "storage/rmtree.h"

/* In memory where that is possible: a loaded disk makes seconds of 50,000 small files. */
static char in_memory[] = "/dev/shm/test_rmtree.XXXXXX", on_disk[] = "/tmp/test_rmtree.XXXXXX";
static char *top_path = in_memory;
static int top = -1;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(top_path))
		top_path = mkdtemp(on_disk);
	if (!top_path)
		return -1;
	top = open(top_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return top < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	fd_close(top);
	return rmdir(top_path);
}

static void make_file(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	fd_close(fd);
}

/* `depth` directories "d" below dirfd, a file in each. */
static void make_chain(int dirfd, int depth)
{
	int fd = fd_dup(dirfd);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		fd_close(fd);
		fd = next;
		make_file(fd, "f");
	}
	fd_close(fd);
}

static bool gone(const char *name)
{
	struct stat st;

	return fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int make_dir(int dirfd, const char *name)
{
	int fd;

	assert_int_equal(mkdirat(dirfd, name, 0755), 0);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_deep(void **state)
{
	int fd = make_dir(top, "deep");

	(void)state;
	make_chain(fd, 10000);
	/* Names like those that flattening uses are in the way. */
	make_file(fd, ".deep-0");
	assert_int_equal(mkdirat(fd, ".deep-1", 0), 0);
	make_file(fd, ".deep-3");
	fd_close(fd);
	assert_int_equal(rmtree(top, "deep", 0, RMTREE_PARALLEL), 0);
	assert_true(gone("deep"));
}

static void test_wide(void **state)
{
	int fd = make_dir(top, "wide");

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "dir-%d", i);
		assert_int_equal(mkdirat(fd, name, 0755), 0);
	}
	fd_close(fd);
	assert_int_equal(rmtree(top, "wide", 0, 0), 0);
	assert_true(gone("wide"));
}

static void test_permissions(void **state)
{
	int fd = make_dir(top, "perm"), sub;

	(void)state;
	sub = make_dir(fd, "a");
	make_file(sub, "f");
	assert_int_equal(mkdirat(sub, "empty", 0), 0);
	assert_int_equal(fchmod(sub, 0), 0);
	fd_close(sub);
	sub = make_dir(fd, "readonly");
	fd_close(make_dir(sub, "x"));
	make_file(sub, "y");
	assert_int_equal(fchmod(sub, 0400), 0);
	fd_close(sub);
	assert_int_equal(fchmod(fd, 0500), 0);
	fd_close(fd);
	assert_int_equal(rmtree(top, "perm", 0, RMTREE_PARALLEL), 0);
	assert_true(gone("perm"));
}

static void test_symlink(void **state)
{
	int fd = make_dir(top, "links");

	(void)state;
	fd_close(make_dir(top, "outside"));
	assert_int_equal(symlinkat("../outside", fd, "out"), 0);
	assert_int_equal(symlinkat("/", fd, "root"), 0);
	assert_int_equal(symlinkat("links", top, "name"), 0);
	fd_close(fd);
	assert_int_equal(rmtree(top, "name", 0, 0), 0);
	assert_false(gone("links"));
	assert_int_equal(rmtree(top, "links", 0, RMTREE_PARALLEL), 0);
	assert_true(gone("links"));
	assert_false(gone("outside"));
	assert_int_equal(unlinkat(top, "outside", AT_REMOVEDIR), 0);
}

static void test_content(void **state)
{
	int fd = make_dir(top, "content");

	(void)state;
	make_chain(fd, 40);
	make_file(fd, "f");
	fd_close(fd);
	assert_int_equal(rmtree(top, "content", 0, RMTREE_CONTENT), 0);
	/* Empty now, so that rmdir succeeds. */
	assert_int_equal(unlinkat(top, "content", AT_REMOVEDIR), 0);
}

static void test_budget(void **state)
{
	int r, rounds = 0;
	int fd = make_dir(top, "slow");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "file-%d", i);
		make_file(fd, name);
	}
	make_chain(fd, 500);
	fd_close(fd);
	while ((r = rmtree(top, "slow", 1, RMTREE_PARALLEL)) == 1)
		rounds++;
	assert_int_equal(r, 0);
	assert_true(rounds > 0);
	assert_true(gone("slow"));
}

static void test_alone(void **state)
{
	int fd = make_dir(top, "alone");

	(void)state;
	make_chain(fd, 2);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(rmtree(top, "alone", 0, RMTREE_ALONE), -EAGAIN);
	assert_false(gone("alone"));
	fd_close(fd);
	assert_int_equal(rmtree(top, "alone", 0, RMTREE_ALONE), 0);
	assert_true(gone("alone"));
}

static void test_absent(void **state)
{
	(void)state;
	assert_int_equal(rmtree(top, "nothing", 0, 0), 0);
	make_file(top, "file");
	assert_int_equal(rmtree(top, "file", 0, 0), 0);
	assert_true(gone("file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deep),	    cmocka_unit_test(test_wide),
		cmocka_unit_test(test_permissions), cmocka_unit_test(test_symlink),
		cmocka_unit_test(test_content),	    cmocka_unit_test(test_budget),
		cmocka_unit_test(test_alone),	    cmocka_unit_test(test_absent),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
