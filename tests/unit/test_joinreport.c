/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/joinreport.h"

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* A pair, and the process that is reported. */
struct wire {
	int ours, theirs, pidfd;
};

static struct wire wire_make(void)
{
	struct wire w;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	w = (struct wire){ pair[0], pair[1], (int)syscall(SYS_pidfd_open, getpid(), 0) };
	assert_true(w.pidfd >= 0);
	return w;
}

static void say(const struct wire *w, size_t n_fds, int code)
{
	struct error e = { .code = code, .text = "told" };
	int fds[3] = { w->pidfd, w->ours, w->theirs };

	assert_int_equal(fd_send(w->theirs, &e, sizeof(e), fds, n_fds, 0), 0);
}

/* What was heard after the end; the descriptors are closed again, without a kill: it is us. */
static int hear(struct wire *w, struct joinreport *ret, struct error *err)
{
	int r;

	*ret = (struct joinreport){ .proc = { .pidfd = -1 }, .master = -1 };
	fd_close(w->theirs);
	r = joinreport_hear(w->ours, ret, err);
	fd_close(w->ours);
	fd_close(w->pidfd);
	return r;
}

static void test_one_report(void **state)
{
	struct wire w = wire_make();
	struct joinreport a;

	(void)state;
	say(&w, 2, 0);
	assert_int_equal(hear(&w, &a, NULL), 0);
	assert_true(a.proc.pid == getpid() && a.proc.pidfd >= 0 && a.master >= 0);
	fd_close(a.proc.pidfd);
	fd_close(a.master);
}

/* Joiner and command write at the same time. */
static void test_an_error_before_or_after(void **state)
{
	(void)state;
	for (size_t first = 0; first < 2; first++) {
		struct wire w = wire_make();
		struct error err = { 0 };
		struct joinreport a;

		say(&w, first, first ? 0 : -ENOENT);
		say(&w, 1 - first, first ? -ENOENT : 0);
		assert_int_equal(hear(&w, &a, &err), -ENOENT);
		assert_string_equal(err.text, "told");
		assert_int_equal(a.proc.pid, getpid());
		fd_close(a.proc.pidfd);
	}
}

/* The process in the container is not to name another one, nor to fill our table. */
static void test_descriptors_come_once(void **state)
{
	int before = count_fds();
	struct wire w = wire_make();
	struct joinreport a;

	(void)state;
	say(&w, 1, 0);
	say(&w, 1, 0);
	assert_int_equal(hear(&w, &a, NULL), -EPROTO);
	assert_int_equal(count_fds(), before + 1);
	fd_close(a.proc.pidfd);
	w = wire_make();
	say(&w, 3, 0);
	assert_true(hear(&w, &a, NULL) < 0);
	assert_int_equal(count_fds(), before);
}

static void test_nothing(void **state)
{
	struct wire w = wire_make();
	struct joinreport a;

	(void)state;
	assert_int_equal(hear(&w, &a, NULL), -EIO);
	w = wire_make();
	assert_int_equal(send(w.theirs, "short", 5, 0), 5);
	assert_int_equal(hear(&w, &a, NULL), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_report),
		cmocka_unit_test(test_an_error_before_or_after),
		cmocka_unit_test(test_descriptors_come_once),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
