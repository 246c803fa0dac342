/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/ctrcmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/trash.h"
#include "storage/sweep.h"

enum {
	ENDING_MS = 5000, /* what a supervisor may need to deliver the rest of the output, a start
			     to begin, a removal to end */
	ENDING_POLL_MS = 2,
};

int ctrcmd_find(struct cli *cli, const char *name, struct container *ret, struct error *err)
{
	struct store *s;
	int r;

	r = cli_store(cli, STORE_READONLY, &s, err);
	if (r == -ENOENT) {
		error_set(err, -ENOENT, "no such container: %s", name);
		error_hint(err, "`carrel ps -a` lists them");
		return -ENOENT;
	}
	return r < 0 ? r : container_find(s, name, ret, err);
}

int ctrcmd_record(struct container *c, struct ctrconf *ret, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	r = container_read_config(c, &text, &len, err);
	if (r == 0)
		r = ctrconf_parse(text, len, ret, err);
	if (r < 0)
		error_prefix(err, "container %.12s", c->id);
	return r;
}

int ctrcmd_write_record(struct container *c, const struct ctrconf *rec, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf text;
	int r;

	str_buf_init(&text, CTRCONF_SIZE_MAX);
	ctrconf_format(rec, &text);
	r = str_buf_end(&text);
	if (r < 0)
		return error_code(err, r, "write down container %s", c->name);
	return container_write_config(c, text.s, text.len, err);
}

const char *ctrcmd_status(const struct container *c)
{
	switch (c->state.status) {
	case CONTAINER_CREATED:
		return "created";
	case CONTAINER_RUNNING:
		return c->paused ? "paused" : "running";
	case CONTAINER_EXITED:
		return "exited";
	}
	return "unknown";
}

int ctrcmd_need_running(const struct container *c, struct error *err)
{
	if (c->state.status == CONTAINER_RUNNING)
		return 0;
	error_set(err, -EINVAL, "container %s does not run", c->name);
	error_hint(err, "`carrel start %s` starts it", c->name);
	return -EINVAL;
}

int ctrcmd_open_init(const struct container *c, struct error *err)
{
	int fd = proc_open_recorded(c->state.pid, c->state.start_time);

	if (fd < 0)
		error_code(err, fd, "find pid 1 of container %s", c->name);
	if (fd == -ESRCH)
		error_hint(err, "it has just ended");
	return fd;
}

int ctrcmd_each(struct cli *cli, char **names, ctrcmd_fn fn, enum ctrcmd_flags flags, void *data,
		struct error *err)
{
	struct error last = { 0 };

	for (; *names; names++) {
		struct error now = { 0 };
		int r = fn(cli, *names, data, &now);

		if (r < 0) {
			error_print(&last, stderr);
			last = now;
			continue;
		}
		if ((flags & CTRCMD_ECHO) && r == 0)
			printf("%s\n", *names);
	}
	if (last.code < 0 && err)
		*err = last;
	return last.code;
}

int ctrcmd_run_each(struct cli *cli, int argc, char **argv, ctrcmd_fn fn, enum ctrcmd_flags flags,
		    void *data, struct error *err)
{
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, NULL, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	return ctrcmd_each(cli, args, fn, flags, data, err);
}

int ctrcmd_run_one(struct cli *cli, int argc, char **argv, void *options, ctrcmd_found_fn fn,
		   struct error *err)
{
	struct container c;
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = 1 }, options, &args,
		      NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = ctrcmd_find(cli, args[0], &c, err);
	if (r < 0)
		return r;
	r = fn(cli, &c, options, err);
	container_done(&c);
	return r;
}

int ctrcmd_lock_ended(struct cli *cli, struct container *c, struct error *err)
{
	int64_t end = clock_ms() + ENDING_MS;

	for (;;) {
		int fd = container_lock(cli->store, c);

		if (fd != -EAGAIN)
			return fd < 0 ? error_code(err, fd, "lock container %s", c->name) : fd;
		/* It fails where another command has just removed it. */
		if (container_read_state(c->dirfd, &c->state) == 0 &&
		    c->state.status == CONTAINER_RUNNING)
			return -EAGAIN;
		if (clock_ms() >= end)
			break;
		(void)poll(NULL, 0, ENDING_POLL_MS); /* no lock tells that it is free, in time */
	}
	error_set(err, -EBUSY, "container %s does not run, and something holds it all the same",
		  c->name);
	error_hint(err, "another command that is at work on it, or one that is attached to it and "
			"does not read its output: let that end, or end it");
	return -EBUSY;
}

int ctrcmd_open_lock(struct cli *cli, const struct container *c, struct error *err)
{
	_cleanup_(freep) char *name = xasprintf("%s.lock", c->id);
	int fd = openat(cli->store->runtime_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	/* Not created: it may be gone already. */
	return fd < 0 ? error_sys(err, "open the lock of container %s", c->name) : fd;
}

int ctrcmd_wait_lock(int lock_fd, const struct container *c, int *ret_status, struct error *err)
{
	/* A read lock: waiters do not wait for each other. */
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	int r;

	do
		r = fcntl(lock_fd, F_OFD_SETLKW, &l);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_sys(err, "wait for container %s", c->name);
	if (ret_status)
		*ret_status = container_lock_status(lock_fd);
	return 0;
}

int ctrcmd_wait_supervisor(const struct container *c, struct error *err)
{
	_cleanup_(fd_closep) int pidfd =
		proc_open_recorded(c->state.supervisor, c->state.supervisor_start);
	int r = pidfd < 0 ? pidfd : proc_wait_pidfd(pidfd, -1);

	return r < 0 && r != -ESRCH ? error_code(err, r, "wait for container %s", c->name) : 0;
}

int ctrcmd_wait_end(struct cli *cli, const struct container *c, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	int r = ctrcmd_wait_supervisor(c, err);

	/* Its janitor holds the lock on, and nobody can start it again. */
	if (r < 0 || !c->state.remove_at_end)
		return r;
	fd = ctrcmd_open_lock(cli, c, err);
	if (fd == -ENOENT) {
		error_clear(err);
		return 0;
	}
	return fd < 0 ? fd : ctrcmd_wait_lock(fd, c, NULL, err);
}

int ctrcmd_remove_each(struct cli *cli, char **names, ctrcmd_fn fn, enum ctrcmd_flags flags,
		       void *data, struct error *err)
{
	struct store *s;
	int r;

	r = cli_store(cli, STORE_CREATE, &s, err);
	if (r < 0)
		return r;
	r = ctrcmd_each(cli, names, fn, flags, data, err);
	if (store_has_trash(s) > 0)
		trash_empty(cli->store, 0);
	return r;
}
