/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "tempdir.h"

/*
 * A tree with every trap an image can hold, below root/; secret lies outside. All tests of this
 * file run twice: with the kernel's openat2, and in a child whose seccomp filter answers ENOSYS,
 * so that the walk does the work. Both must give the same answers.
 */
static struct tempdir temp;
static int root = -1;

static void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	fd_close(fd);
}

static int setup(void **state)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "abs", "/etc/passwd" },
		{ "up", "../../../../secret" },
		{ "dirlink", "etc" },
		{ "absdir", "/etc" },
		{ "loop1", "loop2" },
		{ "loop2", "loop1" },
		{ "self", "self" },
		{ "dangling", "nowhere" },
		{ "dangdir", "/run/x" },
		{ "etc/back", ".." },
		{ "to-secret", "/secret" },
		{ "deep", "dirlink/back/absdir/passwd" },
		{ "slash", "/" },
		{ "filelink", "etc/passwd" },
		{ "updir", "../../../up2/secretdir" },
		{ "chain", "chain2/c2" },
		{ "chain2", "/c1" },
		{ "to-passwd", "/etc/passwd" },
	};

	(void)state;
	if (tempdir_make(&temp) < 0 || mkdirat(temp.fd, "root", 0755) < 0)
		return -1;
	root = openat(temp.fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(temp.fd, "secret", "outside");
	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	assert_int_equal(mkdirat(root, "etc/sub", 0755), 0);
	put(root, "etc/passwd", "inside");
	assert_int_equal(mkfifoat(root, "fifo", 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		assert_int_equal(symlinkat(links[i].target, root, links[i].name), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fd_close(root);
	tempdir_remove(&temp);
	return 0;
}

/* The result of an open; when it worked, the content must be `want`. */
static int content(int fd, const char *want)
{
	char buf[64] = "";
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buf, sizeof(buf) - 1);
	fd_close(fd);
	assert_true(n >= 0);
	assert_string_equal(buf, want);
	return 0;
}

static int in_root(const char *path)
{
	return content(path_open_in_root(root, path, O_RDONLY, 0), "inside");
}

static int beneath(const char *path)
{
	return content(path_open_beneath(root, path, O_RDONLY, 0), "inside");
}

static void test_in_root(void **state)
{
	static const char *const inside[] = {
		"etc/passwd",
		"/etc/passwd",
		"//etc//./passwd",
		"abs",
		"dirlink/passwd",
		"absdir/passwd",
		"deep",
		"../../etc/passwd",
		"etc/../../../etc/passwd",
		"etc/back/etc/passwd",
		"etc/sub/../passwd",
		"slash/../etc/passwd",
		"slash/filelink",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		assert_int_equal(in_root(inside[i]), 0);
	assert_int_equal(in_root("up"), -ENOENT);
	assert_int_equal(in_root("to-secret"), -ENOENT);
	assert_int_equal(in_root("../secret"), -ENOENT);
	assert_int_equal(in_root("etc/back/../secret"), -ENOENT);
	assert_int_equal(in_root("loop1"), -ELOOP);
	assert_int_equal(in_root("loop1/x"), -ELOOP);
	assert_int_equal(in_root("self"), -ELOOP);
	assert_int_equal(in_root("dangling"), -ENOENT);
	assert_int_equal(in_root(""), -ENOENT);
	assert_int_equal(in_root("etc/passwd/x"), -ENOTDIR);
	assert_int_equal(in_root("etc/passwd/"), -ENOTDIR);
	assert_int_equal(in_root("filelink/"), -ENOTDIR);
	assert_int_equal(in_root("etc/passwd/.."), -ENOTDIR);
}

static void test_in_root_flags(void **state)
{
	_cleanup_(fd_closep) int link = -1, dir = -1, up = -1;
	struct stat st, want;

	(void)state;
	assert_int_equal(path_open_in_root(root, "abs", O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
	link = path_open_in_root(root, "abs", O_PATH | O_NOFOLLOW, 0);
	assert_true(link >= 0);
	assert_int_equal(fstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_true(fcntl(link, F_GETFD) & FD_CLOEXEC);
	/* A mode where nothing is made is ignored, as open(2) does. */
	dir = path_open_in_root(root, "dirlink/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0755);
	assert_true(dir >= 0);
	up = path_open_in_root(root, "etc/../..", O_PATH, 0);
	assert_int_equal(fstat(up, &st), 0);
	assert_int_equal(fstat(root, &want), 0);
	assert_true(st.st_ino == want.st_ino);
}

static void test_create(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	/* Through a dangling link the file is made inside; O_EXCL never follows. */
	assert_int_equal(symlinkat("/../../../../../new", root, "newlink"), 0);
	assert_int_equal(path_open_in_root(root, "newlink", O_WRONLY | O_CREAT | O_EXCL, 0600),
			 -EEXIST);
	fd = path_open_in_root(root, "newlink", O_WRONLY | O_CREAT, 0640);
	assert_true(fd >= 0);
	fd_close(fd);
	assert_int_equal(fstatat(root, "new", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777 & ~0640, 0);
	assert_int_equal(fstatat(temp.fd, "new", &st, 0), -1);
	assert_int_equal(path_open_beneath(root, "newlink", O_WRONLY | O_CREAT, 0600), -ELOOP);
	assert_int_equal(unlinkat(root, "new", 0), 0);
	assert_int_equal(unlinkat(root, "newlink", 0), 0);
}

static void test_beneath(void **state)
{
	(void)state;
	assert_int_equal(beneath("etc/passwd"), 0);
	assert_int_equal(beneath("etc//./passwd"), 0);
	assert_int_equal(beneath("etc/sub/../passwd"), 0);
	assert_int_equal(beneath("/etc/passwd"), -EXDEV);
	assert_int_equal(beneath("../secret"), -EXDEV);
	assert_int_equal(beneath("etc/../../secret"), -EXDEV);
	assert_int_equal(beneath("abs"), -ELOOP);
	assert_int_equal(beneath("dirlink/passwd"), -ELOOP);
	assert_int_equal(beneath("filelink"), -ELOOP);
	assert_int_equal(beneath("etc/back/etc/passwd"), -ELOOP);
	assert_int_equal(beneath("dangling"), -ELOOP);
	assert_int_equal(beneath("none"), -ENOENT);
	assert_int_equal(beneath(""), -ENOENT);
}

static void test_mkdir(void **state)
{
	static const struct {
		const char *path, *made; /* seen from root */
	} good[] = {
		{ "/a/b/c", "a/b/c" },
		{ "etc", "etc" },
		{ "dirlink/x/y", "etc/x/y" },
		{ "absdir/z", "etc/z" },
		{ "../../q", "q" },
		{ "slash/s", "s" },
		{ "/", "." },
		{ "etc/sub/../v/", "etc/v" },
		{ "dangling/x", "nowhere/x" },
		{ "dangdir", "run/x" },
		{ "updir/y/z", "up2/secretdir/y/z" },
		{ "chain/w", "c1/c2/w" },
	};
	struct stat a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int fd = path_mkdir_in_root(root, good[i].path, 0755);

		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &a), 0);
		assert_int_equal(fstatat(root, good[i].made, &b, AT_SYMLINK_NOFOLLOW), 0);
		assert_true(a.st_ino == b.st_ino && S_ISDIR(b.st_mode));
		fd_close(fd);
	}
	/* Nothing was made outside. */
	assert_int_equal(fstatat(temp.fd, "up2", &a, 0), -1);
	assert_int_equal(path_mkdir_in_root(root, "loop1/x", 0755), -ELOOP);
	assert_int_equal(path_mkdir_in_root(root, "etc/passwd/x", 0755), -ENOTDIR);
	assert_int_equal(path_mkdir_in_root(root, "fifo", 0755), -ENOTDIR);
	assert_int_equal(path_mkdir_in_root(root, "self", 0755), -ELOOP);
	assert_int_equal(path_mkdir_in_root(root, "to-passwd/x", 0755), -ENOTDIR);
}

static void test_long_walk(void **state)
{
	char path[4000] = "";
	int r;

	(void)state;
	/* 41 links are one too many, 40 are not: as the kernel counts. */
	for (int i = 0; i < 40; i++)
		strcat(path, "slash/");
	strcat(path, "etc/passwd");
	assert_int_equal(in_root(path), 0);
	memmove(path + 6, path, strlen(path) + 1);
	memcpy(path, "slash/", 6);
	assert_int_equal(in_root(path), -ELOOP);
	memset(path, 'n', 300);
	path[300] = '\0';
	r = in_root(path);
	assert_int_equal(r, -ENAMETOOLONG);
}

/* The tree's own path is that of its descriptor, and so has no link on it. */
static int canonical(const char *name, const char *link)
{
	char top[PATH_MAX], path[PATH_MAX], found[PATH_MAX], want[PATH_MAX];

	assert_int_equal(path_from_fd(root, top), 0);
	assert_int_equal(str_print(path, sizeof(path), "%s/%s", top, name), 0);
	assert_int_equal(path_first_link(path, found, sizeof(found)), link != NULL);
	if (link) {
		assert_int_equal(str_print(want, sizeof(want), "%s/%s", top, link), 0);
		assert_string_equal(found, want);
	}
	return content(path_open_canonical(path, O_RDONLY), "inside");
}

static void test_canonical(void **state)
{
	int fd = path_open_canonical("/", O_PATH | O_DIRECTORY);

	(void)state;
	assert_true(fd >= 0);
	fd_close(fd);
	assert_int_equal(canonical("etc/passwd", NULL), 0);
	assert_int_equal(canonical("filelink", "filelink"), -ELOOP);
	assert_int_equal(canonical("dirlink/passwd", "dirlink"), -ELOOP);
	assert_int_equal(canonical("etc/back/etc/passwd", "etc/back"), -ELOOP);
	assert_int_equal(canonical("dangling", "dangling"), -ELOOP);
	assert_int_equal(canonical("none", NULL), -ENOENT);
}

static void test_read_link(void **state)
{
	char text[PATH_MAX];
	size_t n = strlen("etc/passwd");

	(void)state;
	assert_int_equal(path_read_link(root, "filelink", text, sizeof(text)), 0);
	assert_string_equal(text, "etc/passwd");
	assert_int_equal(path_read_link(root, "filelink", text, n + 1), 0);
	assert_int_equal(path_read_link(root, "filelink", text, n), -ENAMETOOLONG);
	assert_int_equal(path_read_link(root, "none", text, sizeof(text)), -ENOENT);
}

static const struct CMUnitTest tree_tests[] = {
	cmocka_unit_test(test_in_root),	  cmocka_unit_test(test_in_root_flags),
	cmocka_unit_test(test_create),	  cmocka_unit_test(test_beneath),
	cmocka_unit_test(test_mkdir),	  cmocka_unit_test(test_long_walk),
	cmocka_unit_test(test_canonical), cmocka_unit_test(test_read_link),
};

static void test_normalize(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "", "/" },
		{ "/", "/" },
		{ "//a//b/", "/a/b" },
		{ "a/./b", "/a/b" },
		{ "/a/../b", "/b" },
		{ "/../..", "/" },
		{ "/a/b/../../../c", "/c" },
		{ "/..a/.b", "/..a/.b" },
		{ "/a/...", "/a/..." },
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(path_normalize(rows[i].in, buf, sizeof(buf)), 0);
		assert_string_equal(buf, rows[i].want);
	}
	assert_int_equal(path_normalize("/12345678901234", buf, sizeof(buf)), 0);
	assert_int_equal(path_normalize("/123456789012345", buf, sizeof(buf)), -ENAMETOOLONG);
	assert_int_equal(path_normalize("/", buf, 1), -ENAMETOOLONG);
	assert_true(path_is_name("a") && path_is_name("...") && path_is_name(".a"));
	assert_false(path_is_name("") || path_is_name(".") || path_is_name("..") ||
		     path_is_name("a/b"));
}

static void test_mkdir_all(void **state)
{
	bool by_root = geteuid() == 0;
	char path[512];
	int r;

	(void)state;
	assert_int_equal(str_print(path, sizeof(path), "%s/m/n//o/", temp.path), 0);
	assert_int_equal(path_mkdir_all(path, 0755), 0);
	assert_int_equal(path_mkdir_all(path, 0755), 0);
	assert_int_equal(path_mkdir_all("", 0755), -ENOENT);
	assert_int_equal(str_print(path, sizeof(path), "%s/secret", temp.path), 0);
	assert_int_equal(path_mkdir_all(path, 0755), -ENOTDIR);
	assert_int_equal(str_print(path, sizeof(path), "%s/secret/x", temp.path), 0);
	assert_int_equal(path_mkdir_all(path, 0755), -ENOTDIR);
	/* The reason is that of the first directory which is missing. */
	assert_int_equal(by_root ? seteuid(65534) : 0, 0);
	r = path_mkdir_all("/carrel-test/x/y", 0755);
	assert_int_equal(by_root ? seteuid(0) : 0, 0);
	assert_int_equal(r, -EACCES);
}

static void test_read(void **state)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	(void)state;
	assert_int_equal(path_read(temp.fd, "secret", 7, &text, &n), 0);
	assert_string_equal(text, "outside");
	assert_int_equal(n, 7);
	free(TAKE_PTR(text));
	assert_int_equal(path_read(temp.fd, "secret", 6, &text, NULL), -EFBIG);
	assert_int_equal(path_read(root, "filelink", 100, &text, NULL), -ELOOP);
	assert_int_equal(path_read(root, "fifo", 100, &text, &n), 0); /* and does not wait */
	assert_int_equal(n, 0);
}

/* In a child that has no openat2, all tests of the tree again. */
static void test_without_openat2(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
			_exit(99);
		if (sys_openat2(root, ".", O_PATH, 0, 0) != -ENOSYS)
			_exit(98);
		_exit(cmocka_run_group_tests_name("without openat2", tree_tests, setup, teardown));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_mkdir_all),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_without_openat2),
	};
	int r = cmocka_run_group_tests_name("openat2", tree_tests, setup, teardown);

	return r + cmocka_run_group_tests(tests, setup, teardown);
}
