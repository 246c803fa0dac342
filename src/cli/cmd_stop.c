/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "runtime/ctr.h"

enum {
	STOP_SECONDS = 10,
	STOP_SECONDS_MAX = 1000000,
};

struct stop_options {
	const char *time;
};

static const struct opt options[] = {
	{ "time", 't', OPT_STRING, offsetof(struct stop_options, time), "SECONDS",
	  "how long to wait before it is killed; default 10" },
	{ NULL },
};

/*
 * The kernel drops a signal that pid 1 of a pid namespace neither catches nor blocks: nobody would
 * ever react to it, so there is nothing to wait for.
 */
static int stop_process(struct container *c, struct proc *p, int sig, unsigned seconds)
{
	struct error ignored = { 0 };
	int r = 0;

	if (seconds > 0 && !signal_is_lost(p->pid, sig)) {
		r = proc_signal(p, sig);
		/* One that is paused hears it when it goes on; if it does not, it is killed. */
		if (r == 0 && c->paused)
			ignore_result(ctrcmd_unpause(c, &ignored)); /* the kill will do */
		if (r == 0)
			r = ctrcmd_wait_pidfd(p->pidfd, (int)seconds * 1000);
	} else {
		log_debug("stop", "pid 1 does not catch signal %d: killed at once", sig);
	}
	if (r == 0)
		r = proc_signal(p, SIGKILL);
	return r == -ESRCH || r > 0 ? 0 : r;
}

static int stop_running(struct cli *cli, struct container *c, unsigned seconds, struct error *err)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	struct proc p = { .pid = c->state.pid };
	int r, sig = SIGTERM;

	r = ctrcmd_record(c, &rec, err);
	if (r == 0 && *rec.stop_signal)
		r = signal_parse(rec.stop_signal, &sig, err);
	if (r < 0)
		return r;
	p.pidfd = proc_open_recorded(c->state.pid, c->state.start_time);
	if (p.pidfd >= 0) {
		r = stop_process(c, &p, sig, seconds);
		proc_done(&p);
	}
	if (r < 0)
		return error_code(err, r, "stop container %s", c->name);
	return ctrcmd_wait_free(cli, c, err);
}

static int stop_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	const unsigned *seconds = data;
	struct container c;
	int r;

	r = ctrcmd_find(cli, name, &c, err);
	if (r < 0)
		return r;
	if (c.state.status == CONTAINER_RUNNING)
		r = stop_running(cli, &c, *seconds, err);
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct stop_options o = { 0 };
	unsigned seconds = STOP_SECONDS;
	uint32_t n;
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (o.time) {
		r = num_u32(o.time, &n);
		if (r < 0 || n > STOP_SECONDS_MAX)
			return error_set(err, -EINVAL, "--time: '%s' is not a number of seconds",
					 o.time);
		seconds = n;
	}
	return ctrcmd_each(cli, args, stop_one, CTRCMD_ECHO, &seconds, err);
}

const struct command cmd_stop = {
	.name = "stop",
	.group = GROUP_CONTAINER,
	.summary = "stop running containers",
	.usage = "[OPTIONS] CONTAINER...",
	.options = options,
	.run = run,
};
