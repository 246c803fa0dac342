/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "cm.h"
#include "storage/container.h"
#include "storage/ctrname.h"
#include "storage/sweep.h"
#include "teststore.h"

static int create(struct teststore *t, const char *name, bool rm, struct container *ret, int *lock)
{
	struct container_new new = {
		.name = name, .config = "{}", .config_len = 2, .remove_at_end = rm
	};

	return container_create(t->s, &new, ret, lock, &t->err);
}

static size_t count(struct teststore *t, const char *dir)
{
	_cleanup_(strv_done) struct strv names = { 0 };

	assert_int_equal(store_names(t->s->root_fd, dir, &names), 0);
	return names.n;
}

static void test_life(void **state)
{
	struct container c, found, *list;
	struct teststore t;
	size_t n, len;
	int lock, second;
	char *text;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(create(&t, "web", false, &c, &lock), 0);
	assert_true(container_is_alive(t.s, &c));
	assert_int_equal(container_lock(t.s, &c), -EAGAIN);
	assert_int_equal(container_find(t.s, "web", &found, &t.err), 0);
	assert_string_equal(found.id, c.id);
	assert_int_equal(found.state.status, CONTAINER_CREATED);
	assert_int_equal(container_read_config(&found, &text, &len, &t.err), 0);
	assert_string_equal(text, "{}");
	free(text);
	container_done(&found);
	assert_int_equal(container_find(t.s, c.id, &found, &t.err), 0);
	container_done(&found);
	c.id[12] = '\0';
	assert_int_equal(container_find(t.s, c.id, &found, &t.err), 0);
	assert_string_equal(found.name, "web");
	container_done(&c);
	c = found;

	assert_int_equal(create(&t, "web", false, &found, &second), -EEXIST);
	assert_non_null(strstr(t.err.text, "in use by container"));
	assert_int_equal(create(&t, "-web", false, &found, &second), -EINVAL);
	assert_int_equal(create(&t, "", false, &found, &second), 0);
	assert_true(ctrname_is_valid(found.name));
	assert_int_equal(container_list(t.s, &list, &n, &t.err), 0);
	assert_int_equal(n, 2);
	container_list_done(list, n);
	container_done(&found);
	fd_close(second);

	assert_int_equal(container_remove(t.s, &c, &t.err), 0);
	fd_close(lock);
	container_done(&c);
	assert_int_equal(container_find(t.s, "web", &found, &t.err), -ENOENT);
	assert_int_equal(count(&t, "names"), 1);
	assert_int_equal(count(&t, "containers"), 1);
	teststore_close(&t);
}

static void test_ended_record(void **state)
{
	struct container c, found;
	struct teststore t;
	int lock;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(create(&t, "done", false, &c, &lock), 0);
	c.state.status = CONTAINER_EXITED;
	c.state.exit_code = 3;
	assert_int_equal(container_write_state(c.dirfd, &c.state), 0);
	fd_close(lock);
	assert_int_equal(store_sweep(t.s, &t.err), 0);
	assert_int_equal(container_find(t.s, "done", &found, &t.err), 0);
	assert_int_equal(found.state.exit_code, 3);
	assert_false(container_is_alive(t.s, &found));
	lock = container_lock(t.s, &found);
	assert_true(lock >= 0);
	fd_close(lock);
	container_done(&found);
	container_done(&c);
	teststore_close(&t);
}

/* A child that supervises a container whose pid 1 is its own child, and then dies without a word.
 */
static pid_t supervise(struct teststore *t, bool rm)
{
	int ready[2];
	pid_t pid, inner;

	assert_int_equal(fd_pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct container c;
		int lock, sync[2];
		char none;

		if (create(t, "doomed", rm, &c, &lock) < 0 || fd_pipe(sync) < 0)
			_exit(1);
		inner = fork();
		if (inner == 0) {
			fd_close(lock);
			fd_close(ready[0]);
			fd_close(ready[1]);
			fd_close(sync[0]);
			fd_close(sync[1]);
			for (;;)
				(void)pause();
		}
		/* Until the child has closed its copy, the lock is the child's too. */
		fd_close(sync[1]);
		if (fd_read_full(sync[0], &none, 1) != -ENODATA)
			_exit(3);
		c.state.status = CONTAINER_RUNNING;
		c.state.pid = inner;
		if (proc_start_time(inner, &c.state.start_time) < 0 ||
		    container_write_state(c.dirfd, &c.state) < 0)
			_exit(2);
		ignore_result(
			fd_write_all(ready[1], &inner, sizeof(inner))); /* or the test fails */
		(void)pause();
		_exit(0);
	}
	assert_int_equal(fd_read_full(ready[0], &inner, sizeof(inner)), 0);
	fd_close(ready[0]);
	fd_close(ready[1]);
	/* Nobody sweeps a living one. */
	assert_int_equal(store_sweep(t->s, &t->err), 0);
	assert_int_equal(kill(inner, 0), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return inner;
}

static void wait_gone(pid_t pid, uint64_t start)
{
	/* Its parent is dead, so init reaps it: the pidfd tells the end. */
	_cleanup_(fd_closep) int fd = proc_open_recorded(pid, start);
	siginfo_t si;

	if (fd >= 0)
		(void)waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOWAIT);
}

static void test_supervisor_killed(void **state)
{
	struct container found;
	struct teststore t;
	pid_t inner;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	inner = supervise(&t, false);
	assert_int_equal(container_find(t.s, "doomed", &found, &t.err), 0);
	assert_int_equal(found.state.status, CONTAINER_EXITED);
	assert_int_equal(found.state.exit_code, 137);
	container_done(&found);
	assert_int_equal(store_sweep(t.s, &t.err), 0);
	assert_int_equal(container_find(t.s, "doomed", &found, &t.err), 0);
	assert_int_equal(found.state.status, CONTAINER_EXITED);
	assert_int_not_equal(found.state.finished[0], '\0');
	wait_gone(inner, found.state.start_time);
	container_done(&found);
	teststore_close(&t);
}

static void test_rm_supervisor_killed(void **state)
{
	_cleanup_(strv_done) struct strv left = { 0 };
	struct container found;
	struct teststore t;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	(void)supervise(&t, true);
	assert_int_equal(store_sweep(t.s, &t.err), 0);
	assert_int_equal(container_find(t.s, "doomed", &found, &t.err), -ENOENT);
	assert_int_equal(count(&t, "containers"), 0);
	assert_int_equal(count(&t, "names"), 0);
	assert_int_equal(count(&t, "staging"), 0);
	assert_int_equal(store_names(t.s->runtime_fd, ".", &left), 0);
	for (size_t i = 0; i < left.n; i++)
		assert_true(str_eq(left.v[i], "swept") || str_eq(left.v[i], "sweep.lock"));
	teststore_close(&t);
}

/* Logout takes the runtime directory away; cron has another one. The container lives on. */
static void test_other_runtime_dir(void **state)
{
	char runtime[300];
	struct container c, found;
	struct store *other;
	struct teststore t;
	int lock;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(create(&t, "alive", true, &c, &lock), 0);
	c.state.status = CONTAINER_RUNNING;
	assert_int_equal(container_write_state(c.dirfd, &c.state), 0);
	(void)snprintf(runtime, sizeof(runtime), "%s/run2", t.dir.path);
	assert_int_equal(mkdir(runtime, 0700), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", runtime, 1), 0);
	assert_int_equal(store_open(t.path, 0, &other, &t.err), 0);
	assert_int_equal(store_sweep(other, &t.err), 0);
	assert_int_equal(container_find(other, "alive", &found, &t.err), 0);
	assert_int_equal(found.state.status, CONTAINER_RUNNING);
	container_done(&found);
	store_close(other);
	container_done(&c);
	fd_close(lock);
	teststore_close(&t);
}

static void test_torn_record(void **state)
{
	struct container c, found;
	struct teststore t;
	int lock, fd;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(create(&t, "torn", false, &c, &lock), 0);
	fd = openat(c.dirfd, "state", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	fd_close(fd);
	fd_close(lock);
	assert_int_equal(container_find(t.s, "torn", &found, &t.err), 0);
	assert_int_equal(found.state.status, CONTAINER_EXITED);
	assert_int_equal(found.state.exit_code, 137);
	lock = container_lock(t.s, &found);
	assert_true(lock >= 0);
	assert_int_equal(container_remove(t.s, &found, &t.err), 0);
	assert_int_equal(count(&t, "names"), 0);
	fd_close(lock);
	container_done(&found);
	container_done(&c);
	teststore_close(&t);
}

static int take_pid(int pidfd, pid_t pid, void *arg, struct error *err)
{
	(void)err;
	assert_true(fcntl(pidfd, F_GETFD) >= 0);
	*(pid_t *)arg = pid;
	return 7;
}

/* Beside the exit status, which readers still find. */
static void test_process_in_lock(void **state)
{
	struct container c;
	struct teststore t;
	pid_t found = 0;
	int lock;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(create(&t, "web", false, &c, &lock), 0);
	assert_int_equal(container_each_process(t.s, take_pid, &found, &t.err), 0);
	assert_int_equal(container_lock_status(lock), -1);
	assert_int_equal(container_lock_set_process(lock), 0);
	assert_int_equal(container_lock_status(lock), -1);
	assert_int_equal(container_each_process(t.s, take_pid, &found, &t.err), 7);
	assert_int_equal(found, getpid());
	assert_int_equal(container_lock_set_status(lock, 42), 0);
	assert_int_equal(container_lock_status(lock), 42);
	assert_int_equal(container_remove(t.s, &c, &t.err), 0);
	found = 0;
	assert_int_equal(container_each_process(t.s, take_pid, &found, &t.err), 0);
	assert_int_equal(found, 0);
	container_done(&c);
	fd_close(lock);
	teststore_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_ended_record),
		cmocka_unit_test(test_supervisor_killed),
		cmocka_unit_test(test_rm_supervisor_killed),
		cmocka_unit_test(test_other_runtime_dir),
		cmocka_unit_test(test_torn_record),
		cmocka_unit_test(test_process_in_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
