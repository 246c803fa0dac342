/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/landlock.h"
#include "tempdir.h"

/* What children do: 0, or the number of the first line that was not as it must be. */
#define MUST(e)                                 \
	do {                                    \
		if (!(e))                       \
			return __LINE__ & 0xff; \
	} while (0)

static int try_open(int dir, const char *path, int flags)
{
	_cleanup_(fd_closep) int fd = openat(dir, path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

static int try_listen(void)
{
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };

	return bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

static int confine(const struct tempdir *t, enum landlock_what what)
{
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(landlock_confine(t->fd, what, NULL) == 0);
	return 0;
}

static int reader(const struct tempdir *t, int host)
{
	int r = confine(t, LANDLOCK_READ);

	MUST(r == 0);
	MUST(try_open(t->fd, "a/file", O_RDONLY) == 0);
	MUST(try_open(t->fd, "a", O_RDONLY | O_DIRECTORY) == 0);
	MUST(try_open(t->fd, "a/file", O_WRONLY) == -EACCES);
	MUST(try_open(t->fd, "new", O_WRONLY | O_CREAT) == -EACCES);
	MUST(mkdirat(t->fd, "dir", 0700) < 0 && errno == EACCES);
	MUST(try_open(AT_FDCWD, "/etc/passwd", O_RDONLY) == -EACCES);
	/* By a descriptor that should not be there. */
	MUST(try_open(host, "etc/passwd", O_RDONLY) == -EACCES);
	MUST(landlock_version() < 4 || try_listen() == -EACCES);
	MUST(landlock_version() < 6 || (kill(getppid(), 0) < 0 && errno == EPERM));
	return 0;
}

static int writer(const struct tempdir *t, int host)
{
	int r = confine(t, LANDLOCK_TREE);

	MUST(r == 0);
	MUST(try_open(t->fd, "a/new", O_WRONLY | O_CREAT) == 0);
	MUST(mkdirat(t->fd, "b/dir", 0700) == 0);
	MUST(linkat(t->fd, "a/new", t->fd, "b/linked", 0) == 0);
	MUST(renameat(t->fd, "a/new", t->fd, "b/moved") == 0);
	MUST(symlinkat("x", t->fd, "b/symlink") == 0);
	MUST(mknodat(t->fd, "b/fifo", S_IFIFO | 0600, 0) == 0);
	MUST(unlinkat(t->fd, "b/moved", 0) == 0);
	MUST(try_open(AT_FDCWD, "/etc/passwd", O_RDONLY) == -EACCES);
	MUST(try_open(host, "etc/passwd", O_RDONLY) == -EACCES);
	MUST(try_open(host, "tmp/carrel-landlock-test", O_WRONLY | O_CREAT) == -EACCES);
	MUST(landlock_version() < 4 || try_listen() == -EACCES);
	return 0;
}

static void in_child(int (*f)(const struct tempdir *, int))
{
	_cleanup_(fd_closep) int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct tempdir temp;
	int status;
	pid_t pid;

	if (landlock_version() < 2) {
		print_message("this kernel has no landlock\n");
		skip();
	}
	assert_int_equal(tempdir_make(&temp), 0);
	assert_int_equal(mkdirat(temp.fd, "a", 0700), 0);
	assert_int_equal(mkdirat(temp.fd, "b", 0700), 0);
	assert_int_equal(try_open(temp.fd, "a/file", O_WRONLY | O_CREAT), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(f(&temp, host));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	tempdir_remove(&temp);
	if (status != 0)
		fail_msg("a child ended with 0x%x: its exit status is the line that was wrong",
			 status);
}

static void test_read(void **state)
{
	(void)state;
	in_child(reader);
}

static void test_tree(void **state)
{
	(void)state;
	in_child(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
