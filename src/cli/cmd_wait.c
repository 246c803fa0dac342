/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "superctl.h"

static const struct opt options[] = {
	{ NULL },
};

/* The supervisor tells, also when the record of a --rm container goes away right after. */
static int ask_supervisor(int sock, int *ret_status)
{
	struct superctl_head head;

	for (;;) {
		ssize_t n = fd_recv(sock, &head, sizeof(head), NULL, NULL, 0);

		if (n < (ssize_t)sizeof(head))
			return -ENOENT;
		if (head.type != SUPERCTL_EXIT)
			continue;
		*ret_status = (int)(head.value & 0xff);
		return 0;
	}
}

static int recorded_status(const struct container *c, int *ret_status, struct error *err)
{
	struct container_state st;
	int r = container_read_state(c->dirfd, &st);

	if (r < 0 || st.status == CONTAINER_CREATED) {
		error_set(err, -ENOENT, "container %s ended and left no exit status", c->name);
		return -ENOENT;
	}
	/* Killed, without a word: 137, as everybody else reads such a record. */
	*ret_status = st.status == CONTAINER_EXITED ? st.exit_code : 137;
	return 0;
}

static int wait_running(struct cli *cli, const struct container *c, int lock, int *ret_status,
			struct error *err)
{
	_cleanup_(fd_closep) int sock = attach_connect(cli->store, c, ATTACH_WAIT, NULL);
	int r = -ENOENT, left;

	if (sock >= 0)
		r = ask_supervisor(sock, ret_status);
	if (r == 0)
		return ctrcmd_wait_lock(lock, c, NULL, err);
	r = ctrcmd_wait_lock(lock, c, &left, err);
	if (r < 0)
		return r;
	if (left < 0)
		return recorded_status(c, ret_status, err);
	*ret_status = left;
	return 0;
}

/* Alive without its lock: logout has removed the runtime directory from under it. */
static int wait_process(const struct container *c, int *ret_status, struct error *err)
{
	int r = ctrcmd_wait_supervisor(c, err);

	return r < 0 ? r : recorded_status(c, ret_status, err);
}

static int wait_found(struct cli *cli, const struct container *c, int *ret_status,
		      struct error *err)
{
	_cleanup_(fd_closep) int lock = -1;
	struct container again;
	int r;

	*ret_status = c->state.exit_code;
	if (c->state.status != CONTAINER_RUNNING)
		return 0;
	lock = ctrcmd_open_lock(cli, c, err);
	if (lock >= 0)
		return wait_running(cli, c, lock, ret_status, err);
	if (lock != -ENOENT)
		return lock;
	/* It ended after it was found, and took its lock along. What is on record now is true. */
	error_clear(err);
	r = ctrcmd_find(cli, c->id, &again, err);
	if (r < 0)
		return r;
	*ret_status = again.state.exit_code;
	if (again.state.status == CONTAINER_RUNNING)
		r = wait_process(&again, ret_status, err);
	container_done(&again);
	return r;
}

/* As who waits in the foreground is told; a record that is gone says nothing. */
static void tell_end(const struct container *c)
{
	struct container_state st;

	if (container_read_state(c->dirfd, &st) == 0 && st.status == CONTAINER_EXITED &&
	    st.error[0])
		log_warn(DCODE_NONE, "container %s: %s", c->name, st.error);
}

static int wait_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	struct container c;
	int r, status = 0;

	(void)data;
	r = ctrcmd_find(cli, name, &c, err);
	if (r < 0)
		return r;
	r = wait_found(cli, &c, &status, err);
	if (r == 0) {
		printf("%d\n", status);
		tell_end(&c);
	}
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	return ctrcmd_run_each(cli, argc, argv, wait_one, 0, NULL, err);
}

const struct command cmd_wait = {
	.name = "wait",
	.group = GROUP_CONTAINER,
	.summary = "wait for containers to end and print their exit statuses",
	.usage = "CONTAINER...",
	.options = options,
	.run = run,
};
