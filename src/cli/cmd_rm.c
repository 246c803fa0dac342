/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "base/fd.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/launch.h"
#include "storage/sweep.h"

enum {
	SUPERVISOR_MS = 5000, /* what a supervisor may need to deliver the rest of the output */
	LIVES_MAX = 10,
};

struct rm_options {
	bool force;
};

static const struct opt options[] = {
	{ "force", 'f', OPT_FLAG, offsetof(struct rm_options, force), NULL,
	  "kill it first if it runs; one that does not exist is no error" },
	{ NULL },
};

/* Pid 1, then, where somebody holds up its supervisor (an attached client that does not read),
 * that. */
static int end_container(struct cli *cli, const struct container *c, struct error *err)
{
	struct proc init = {
		.pid = c->state.pid,
		.pidfd = proc_open_recorded(c->state.pid, c->state.start_time),
	};
	struct proc super = {
		.pid = c->state.supervisor,
		.pidfd = proc_open_recorded(c->state.supervisor, c->state.supervisor_start),
	};
	int r = init.pidfd < 0 ? init.pidfd : proc_signal(&init, SIGKILL);

	if (r == -ESRCH)
		r = super.pidfd < 0 && super.pidfd != -ESRCH ? super.pidfd : 0;
	if (r == 0 && super.pidfd >= 0 && proc_wait_pidfd(super.pidfd, SUPERVISOR_MS) == 0)
		r = proc_signal(&super, SIGKILL);
	proc_done(&init);
	proc_done(&super);
	if (r < 0 && r != -ESRCH)
		return error_code(err, r, "kill container %s", c->name);
	return ctrcmd_wait_end(cli, c, err);
}

static int take_lock(struct cli *cli, struct container *c, struct error *err)
{
	int fd = ctrcmd_lock_ended(cli, c, err);

	if (fd != -EAGAIN)
		return fd;
	error_set(err, -EBUSY, "container %s runs", c->name);
	error_hint(err, "`carrel stop %s` first, or `carrel rm -f %s`", c->name, c->name);
	return -EBUSY;
}

/* Whoever starts it again in between loses, too. */
static int take_lock_by_force(struct cli *cli, struct container *c, struct error *err)
{
	int fd = container_lock(cli->store, c);

	if (fd < 0 && fd != -EAGAIN)
		return error_code(err, fd, "lock container %s", c->name);
	for (int i = 0; fd == -EAGAIN && i < LIVES_MAX; i++) {
		int r = end_container(cli, c, err);

		if (r < 0)
			return r;
		fd = ctrcmd_lock_ended(cli, c, err);
	}
	if (fd != -EAGAIN)
		return fd;
	error_set(err, -EBUSY, "container %s is started again and again", c->name);
	return -EBUSY;
}

static int rm_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	const struct rm_options *o = data;
	_cleanup_(fd_closep) int lock = -1;
	struct container c;
	int r;

	r = container_find(cli->store, name, &c, err);
	if (r == -ENOENT && o->force) {
		error_clear(err);
		return 1;
	}
	if (r < 0)
		return r;
	lock = o->force ? take_lock_by_force(cli, &c, err) : take_lock(cli, &c, err);
	r = lock < 0 ? lock : 0;
	/* Where its own --rm was faster there is only the lock file that we have just made. */
	if (r == 0)
		r = launch_remove(cli->store, &c, err);
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct rm_options o = { 0 };
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	return ctrcmd_remove_each(cli, args, rm_one, CTRCMD_ECHO, &o, err);
}

const struct command cmd_rm = {
	.name = "rm",
	.group = GROUP_CONTAINER,
	.summary = "remove containers",
	.usage = "[OPTIONS] CONTAINER...",
	.options = options,
	.run = run,
};
