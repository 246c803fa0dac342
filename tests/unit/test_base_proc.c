/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"

/* argv is `char *const []` by history (the make rule says -Wno-write-strings). */
#define SH(script) ((char *const[]){ "sh", "-c", script, NULL })

/* Run a shell script with these descriptors; its output, read from the pipe on `out`. */
static int run_sh(const char *script, const struct proc_fd *fds, unsigned n_fds, int out[2],
		  char *const *envp, enum proc_flags flags, char **ret_text)
{
	char *const argv[] = { "sh", "-c", (char *)script, NULL };
	const struct proc_spec spec = {
		.dirfd = AT_FDCWD,
		.path = "/bin/sh",
		.argv = argv,
		.envp = envp,
		.fds = fds,
		.n_fds = n_fds,
		.flags = flags,
	};
	struct error err = { 0 };
	struct proc p;
	int status;

	assert_int_equal(proc_spawn(&spec, &p, &err), 0);
	fd_close(out[1]);
	assert_int_equal(fd_read_to_end(out[0], 65536, ret_text, NULL), 0);
	fd_close(out[0]);
	assert_int_equal(proc_wait(&p, &status), 0);
	proc_done(&p);
	assert_int_equal(p.pidfd, -1);
	return status;
}

static int text_fd(const char *text)
{
	int fd = fd_memfd("t", text, strlen(text));

	assert_true(fd >= 0);
	return fd;
}

static void test_fd_moves(void **state)
{
	_cleanup_(freep) char *text = NULL;
	int a = text_fd("A"), b = text_fd("B"), c = text_fd("C"), stray = text_fd("S"), out[2];
	int stray2 = fcntl(stray, F_DUPFD, 40);

	(void)state;
	assert_int_equal(fd_pipe(out), 0);
	/* A swap, a source that is a target, one to itself, one source twice. */
	const struct proc_fd fds[] = {
		{ out[1], 1 }, { a, b }, { b, a }, { c, c }, { a, 3 }, { a, 9 },
	};
	char script[200];

	if (a == 3 || b == 3 || c == 3)
		assert_true(a != 9);
	assert_int_equal(str_print(script, sizeof(script),
				   "cat /proc/self/fd/%d /proc/self/fd/%d /proc/self/fd/%d; "
				   "cat /proc/self/fd/9; ls /proc/$$/fd | sort -n | tr '\\n' ' '",
				   a == 3 ? 9 : a, b, c),
			 0);
	assert_int_equal(run_sh(script, fds, ARRAY_SIZE(fds), out, NULL, 0, &text), 0);
	assert_non_null(text);
	/* fd 3 is A; where a itself is 3 it was named twice and the later row won. */
	assert_true(str_starts(text, a == 3 ? "AACA" : "BACA"));
	assert_null(strstr(text, " 40 "));
	fd_close(a);
	fd_close(b);
	fd_close(c);
	fd_close(stray);
	fd_close(stray2);
}

static void test_only_named_fds(void **state)
{
	_cleanup_(freep) char *text = NULL;
	int out[2], high = fcntl(0, F_DUPFD, 100); /* not CLOEXEC */

	(void)state;
	assert_true(high >= 100);
	assert_int_equal(fd_pipe(out), 0);
	const struct proc_fd fds[] = { { out[1], 1 }, { out[1], 7 } };

	assert_int_equal(run_sh("exec ls /proc/self/fd | tr '\\n' ' '", fds, 2, out, NULL, 0,
				&text),
			 0);
	assert_null(strstr(text, "100"));
	assert_non_null(strstr(text, " 7 "));
	assert_null(strstr(text, " 4 "));
	fd_close(high);
}

static void test_env(void **state)
{
	_cleanup_(freep) char *own = NULL, *none = NULL, *same = NULL;
	char *const envp[] = { "ONLY=1", NULL };
	int out[2];

	(void)state;
	assert_int_equal(setenv("CARREL_UNIT", "x", 1), 0);
	assert_int_equal(fd_pipe(out), 0);
	assert_int_equal(run_sh("echo $ONLY $CARREL_UNIT", &(struct proc_fd){ out[1], 1 }, 1, out,
				envp, 0, &own),
			 0);
	assert_string_equal(own, "1\n");
	assert_int_equal(fd_pipe(out), 0);
	assert_int_equal(run_sh("echo $CARREL_UNIT.", &(struct proc_fd){ out[1], 1 }, 1, out, NULL,
				PROC_CLEAR_ENV, &none),
			 0);
	assert_string_equal(none, ".\n");
	assert_int_equal(fd_pipe(out), 0);
	assert_int_equal(run_sh("echo $CARREL_UNIT; exit 7", &(struct proc_fd){ out[1], 1 }, 1, out,
				NULL, PROC_SETSID, &same),
			 7);
	assert_string_equal(same, "x\n");
}

static void assert_spawn_error(const struct proc_spec *spec, int code, const char *text)
{
	struct error err = { 0 };
	struct proc p = { .pidfd = -1 };

	assert_int_equal(proc_spawn(spec, &p, &err), code);
	assert_string_equal(err.text, text);
	assert_int_equal(p.pidfd, -1);
	/* The child was reaped. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_exec_failure(void **state)
{
	struct proc_spec spec = { .dirfd = AT_FDCWD, .path = "/nonexistent", .argv = SH("x") };

	(void)state;
	assert_spawn_error(&spec, -ENOENT, "execute /nonexistent");
	spec.path = "/etc/passwd";
	assert_spawn_error(&spec, -EACCES, "execute /etc/passwd");
	/* A descriptor that is not open must be told as well, not lost with the error pipe. */
	spec.path = "/bin/sh";
	spec.fds = &(struct proc_fd){ 99, 5 };
	spec.n_fds = 1;
	assert_spawn_error(&spec, -EBADF, "execute /bin/sh");
	/* dirfd left at zero (stdin) with an absolute path is not looked at. */
	spec = (struct proc_spec){ .path = "/nonexistent", .argv = SH("x") };
	assert_spawn_error(&spec, -ENOENT, "execute /nonexistent");
}

static void test_dirfd(void **state)
{
	_cleanup_(fd_closep) int bin = open("/bin", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct proc_spec spec = { .dirfd = bin, .path = "sh", .argv = SH("exit 3") };
	struct proc p;
	int status;

	(void)state;
	assert_int_equal(proc_spawn(&spec, &p, NULL), 0);
	assert_int_equal(proc_wait(&p, &status), 0);
	assert_int_equal(status, 3);
	proc_done(&p);
}

static void test_status_of_signal(void **state)
{
	const struct proc_spec spec = { .dirfd = AT_FDCWD,
					.path = "/bin/sh",
					.argv = SH("kill -TERM $$") };
	struct proc p;
	int status;

	(void)state;
	assert_int_equal(proc_spawn(&spec, &p, NULL), 0);
	assert_int_equal(proc_wait(&p, &status), 0);
	assert_int_equal(status, 128 + SIGTERM);
	assert_int_equal(proc_signal(&p, 0), -ESRCH);
	proc_kill(&p); /* of a reaped one: harmless */
	proc_kill(&p); /* and twice */
}

/* Blocked and ignored signals of the caller are not handed down. */
static void test_signals_reset(void **state)
{
	_cleanup_(freep) char *text = NULL;
	unsigned long long blocked = 1, ignored = 1;
	sigset_t set, old;
	int out[2];

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(fd_pipe(out), 0);
	assert_int_equal(run_sh("exec grep -E 'Sig(Blk|Ign)' /proc/self/status",
				&(struct proc_fd){ out[1], 1 }, 1, out, NULL, 0, &text),
			 0);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	assert_true(blocked == 0);
	assert_true(ignored == 0);
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	return pause();
}

static int start_and_end(void *arg)
{
	const struct proc_spec spec = {
		.dirfd = AT_FDCWD,
		.path = "/bin/sh",
		.argv = SH("read x"),
		.fds = arg,
		.n_fds = 2,
		.flags = PROC_PDEATHSIG,
	};
	struct proc p;

	return proc_spawn(&spec, &p, NULL) < 0 ? 1 : 0;
}

/* The grandchild holds the write end; when it dies with its parent, the reader sees the end. */
static void test_pdeathsig(void **state)
{
	int in[2], out[2], status;
	struct proc p;
	char c;

	(void)state;
	assert_int_equal(fd_pipe(in), 0);
	assert_int_equal(fd_pipe(out), 0);
	struct proc_fd fds[] = { { in[0], 0 }, { out[1], 1 } };

	assert_int_equal(proc_clone(0, -1, start_and_end, fds, &p), 0);
	fd_close(out[1]);
	assert_int_equal(proc_wait(&p, &status), 0);
	assert_int_equal(status, 0);
	proc_done(&p);
	assert_int_equal(poll(&(struct pollfd){ .fd = out[0], .events = POLLIN }, 1, 5000), 1);
	assert_int_equal(read(out[0], &c, 1), 0);
	fd_close(out[0]);
	fd_close(in[0]);
	fd_close(in[1]);
}

static void test_start_time(void **state)
{
	uint64_t t = 0, again = 1;
	struct proc p;
	int fd;

	(void)state;
	assert_int_equal(proc_clone(0, -1, sleep_for_ever, NULL, &p), 0);
	assert_int_equal(proc_start_time(p.pid, &t), 0);
	assert_int_equal(proc_start_time(p.pid, &again), 0);
	assert_true(t > 0 && t == again);
	fd = proc_open_recorded(p.pid, t);
	assert_true(fd >= 0);
	fd_close(fd);
	assert_int_equal(proc_open_recorded(p.pid, t + 1), -ESRCH);
	assert_int_equal(proc_open_recorded(0, t), -ESRCH);
	assert_int_equal(proc_open_recorded(-1, t), -ESRCH);
	assert_true(proc_recorded_lives(p.pid, t));
	/* Ended, but not reaped yet. */
	assert_int_equal(proc_signal(&p, SIGKILL), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = p.pidfd, .events = POLLIN }, 1, 5000), 1);
	assert_int_equal(proc_start_time(p.pid, &again), 0);
	assert_int_equal(proc_open_recorded(p.pid, t), -ESRCH);
	proc_kill(&p);
}

static void *be_looked_at(void *arg)
{
	uint64_t t;

	(void)arg;
	assert_int_equal(proc_start_time(gettid(), &t), 0);
	assert_int_equal(proc_open_recorded(gettid(), t), -ESRCH);
	assert_false(proc_recorded_lives(gettid(), t));
	return NULL;
}

/* The number of a recorded process may have gone to one: it is not that process. */
static void test_number_of_a_thread(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, be_looked_at, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static int close_and_count(void *arg)
{
	const int keep[] = { 20, 4, 4, 1000, -1 };

	(void)arg;
	for (int i = 3; i < 60; i++)
		(void)dup2(0, i);
	if (proc_close_fds(keep, ARRAY_SIZE(keep)) < 0)
		return 1;
	for (int i = 0; i < 60; i++) {
		bool open = fcntl(i, F_GETFD) >= 0, want = i < 3 || i == 4 || i == 20;

		if (open != want)
			return 2;
	}
	return proc_close_fds(NULL, 0) < 0 || fcntl(20, F_GETFD) >= 0 ? 3 : 0;
}

static void test_close_fds(void **state)
{
	struct proc p;
	int status;

	(void)state;
	assert_int_equal(proc_clone(0, -1, close_and_count, NULL, &p), 0);
	assert_int_equal(proc_wait(&p, &status), 0);
	proc_done(&p);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fd_moves),      cmocka_unit_test(test_only_named_fds),
		cmocka_unit_test(test_env),	      cmocka_unit_test(test_exec_failure),
		cmocka_unit_test(test_dirfd),	      cmocka_unit_test(test_status_of_signal),
		cmocka_unit_test(test_signals_reset), cmocka_unit_test(test_pdeathsig),
		cmocka_unit_test(test_start_time),    cmocka_unit_test(test_number_of_a_thread),
		cmocka_unit_test(test_close_fds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
