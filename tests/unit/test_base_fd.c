/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/path.h"
#include "tempdir.h"

static struct tempdir temp;

static int setup(void **state)
{
	(void)state;
	return tempdir_make(&temp);
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove(&temp);
	return 0;
}

static int count(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static int count_fds(void)
{
	return count("/proc/self/fd");
}

static void assert_file(const char *name, const char *want)
{
	_cleanup_(freep) char *text = NULL;

	assert_int_equal(path_read(temp.fd, name, 4096, &text, NULL), 0);
	assert_string_equal(text, want);
}

static void test_read_limits(void **state)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(fd_closep) int fd = -1;
	char zeros[9000] = { 0 };
	size_t n;

	(void)state;
	fd = fd_memfd("t", zeros, sizeof(zeros));
	assert_true(fd >= 0);
	assert_int_equal(fd_read_to_end(fd, sizeof(zeros) - 1, &text, &n), -EFBIG);
	assert_null(text);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_to_end(fd, sizeof(zeros), &text, &n), 0);
	assert_int_equal(n, sizeof(zeros));
	assert_int_equal(fd_read_full(fd, zeros, 1), -ENODATA);
	/* Sealed: nobody can change it afterwards. */
	assert_int_equal(fd_write_all(fd, "x", 1), -EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	fd_close(TAKE_FD(fd));
	fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	free(TAKE_PTR(text));
	assert_int_equal(fd_read_to_end(fd, 100000, &text, &n), -EFBIG);
}

static void test_pass(void **state)
{
	int pair[2], p[2], got[FD_PASS_MAX], before = count_fds();
	size_t n = 2;
	char buf[8] = "";
	struct stat a, b;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_pipe(p), 0);
	assert_int_equal(fd_send(pair[0], "hi", 2, p, 2, 0), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n, 0), 2);
	assert_int_equal(n, 2);
	assert_string_equal(buf, "hi");
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(got[1], &a), 0);
	assert_int_equal(fstat(p[1], &b), 0);
	assert_true(a.st_ino == b.st_ino);
	fd_close(got[0]);
	fd_close(got[1]);

	/* More than wanted: refused, and nothing leaks. */
	assert_int_equal(fd_send(pair[0], "hi", 2, p, 2, 0), 0);
	n = 1;
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n, 0), -EMSGSIZE);
	assert_int_equal(fd_send(pair[0], "hi", 2, p, 2, 0), 0);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), NULL, NULL, 0), -EMSGSIZE);
	/* A cut message is refused too, with its descriptors. */
	assert_int_equal(fd_send(pair[0], "0123456789", 10, p, 1, 0), 0);
	n = 1;
	assert_int_equal(fd_recv(pair[1], buf, 5, got, &n, 0), -EMSGSIZE);
	assert_int_equal(fd_send(pair[0], "x", 1, p, FD_PASS_MAX + 1, 0), -EINVAL);

	n = FD_PASS_MAX;
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n, MSG_DONTWAIT), -EAGAIN);
	fd_close(pair[0]);
	assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), got, &n, 0), 0);
	assert_int_equal(n, 0);
	assert_int_equal(fd_send(pair[1], "x", 1, NULL, 0, 0), -EPIPE); /* and no signal */
	fd_close(pair[1]);
	fd_close(p[0]);
	fd_close(p[1]);
	assert_int_equal(count_fds(), before);
}

static void test_std(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		int fd;

		(void)close(0);
		(void)close(2);
		if (fd_sanitize_std() < 0 || fcntl(0, F_GETFD) != 0 || fcntl(2, F_GETFD) != 0)
			_exit(1);
		(void)close(0);
		fd = fd_dup(1);
		_exit(fd >= 3 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_publish(void **state)
{
	int before = count(temp.path);
	struct stat st;

	(void)state;
	assert_int_equal(file_publish(temp.fd, "f", "one", 3, 0600, FILE_EXCL), 0);
	assert_file("f", "one");
	assert_int_equal(fstatat(temp.fd, "f", &st, 0), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(file_publish(temp.fd, "f", "two", 3, 0600, FILE_EXCL), -EEXIST);
	assert_file("f", "one");
	assert_int_equal(file_publish(temp.fd, "f", "three", 5, 0600, FILE_DURABLE), 0);
	assert_file("f", "three");
	assert_int_equal(file_publish(temp.fd, "f", "lazy", 4, 0600, FILE_LAZY), 0);
	assert_file("f", "lazy");
	assert_int_equal(file_publish(temp.fd, "f", "three", 5, 0600, FILE_LAZY), 0);
	assert_file("f", "three");
	/* A symlink of that name is replaced, not written through. */
	assert_int_equal(symlinkat("f", temp.fd, "l"), 0);
	assert_int_equal(file_publish(temp.fd, "l", "four", 4, 0600, 0), 0);
	assert_file("f", "three");
	assert_file("l", "four");
	assert_int_equal(count(temp.path), before + 2);
}

static void test_publish_fails(void **state)
{
	int before, status;
	pid_t pid;

	(void)state;
	assert_int_equal(file_publish(temp.fd, "full", "old", 3, 0600, 0), 0);
	assert_int_equal(mkdirat(temp.fd, "d", 0700), 0);
	before = count(temp.path);
	assert_int_equal(file_publish(temp.fd, "d", "x", 1, 0600, 0), -EISDIR);
	assert_int_equal(file_publish(temp.fd, "none/x", "x", 1, 0600, 0), -ENOENT);
	/* A limit on the file size stands for the full disk. */
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { .rlim_cur = 2, .rlim_max = 2 };

		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		_exit(file_publish(temp.fd, "full", "new and long", 12, 0600, 0) == -EFBIG ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_file("full", "old");
	assert_int_equal(count(temp.path), before);
}

static void test_lock(void **state)
{
	int a, b, status;
	pid_t pid;

	(void)state;
	assert_int_equal(lock_test(temp.fd, "k"), 0);
	a = lock_try(temp.fd, "k");
	assert_true(a >= 0);
	assert_int_equal(lock_test(temp.fd, "k"), 1);
	/* OFD locks: a second open file conflicts, in this process and in others. */
	assert_int_equal(lock_try(temp.fd, "k"), -EAGAIN);
	pid = fork();
	if (pid == 0)
		_exit(lock_test(temp.fd, "k") == 1 && lock_try(temp.fd, "k") == -EAGAIN ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fd_close(a);
	assert_int_equal(lock_test(temp.fd, "k"), 0);
	b = lock_wait(temp.fd, "k");
	assert_true(b >= 0);
	fd_close(b);
	assert_int_equal(lock_try(temp.fd, "nodir/k"), -ENOENT);
}

static void test_lock_unlinked(void **state)
{
	int go[2], a, status;
	struct stat held, named;
	pid_t pid;
	char c;

	(void)state;
	a = lock_try(temp.fd, "u");
	assert_true(a >= 0);
	assert_int_equal(fd_pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		int fd;

		fd_close(a);
		ignore_result(write(go[1], "x", 1));
		fd = lock_wait(temp.fd, "u");
		/* The lock must be on the file that has the name now. */
		_exit(fd >= 0 && fstat(fd, &held) == 0 && fstatat(temp.fd, "u", &named, 0) == 0 &&
				      held.st_ino == named.st_ino && held.st_nlink == 1
			      ? 0
			      : 1);
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	/* Whether the child opened the old file yet or not: the answer is the same. */
	assert_int_equal(unlinkat(temp.fd, "u", 0), 0);
	fd_close(a);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fd_close(go[0]);
	fd_close(go[1]);
}

static void test_read_text(void **state)
{
	char text[8], path[PATH_MAX];
	_cleanup_(fd_closep) int fd = -1;

	(void)state;
	assert_int_equal(file_publish(temp.fd, "text", "one\ntwo\n", 8, 0600, 0), 0);
	fd = openat(temp.fd, "text", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	/* From the beginning each time, and what does not fit is cut. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fd_read_text(fd, text, sizeof(text)), 7);
		assert_string_equal(text, "one\ntwo");
	}
	assert_int_equal(fd_read_text(-1, text, sizeof(text)), -EBADF);
	assert_int_equal(path_from_fd(fd, path), 0);
	assert_int_equal(path_read_line(path, text, sizeof(text)), 0);
	assert_string_equal(text, "one");
	assert_int_equal(path_read_line(path, text, 3), 0);
	assert_string_equal(text, "on");
	assert_int_equal(path_read_line("/proc/none", text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_limits),   cmocka_unit_test(test_pass),
		cmocka_unit_test(test_std),	      cmocka_unit_test(test_publish),
		cmocka_unit_test(test_publish_fails), cmocka_unit_test(test_lock),
		cmocka_unit_test(test_lock_unlinked), cmocka_unit_test(test_read_text),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
