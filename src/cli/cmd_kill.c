/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "base/fd.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "runtime/ctr.h"

struct kill_options {
	const char *signal;
};

static const struct opt options[] = {
	{ "signal", 's', OPT_STRING, offsetof(struct kill_options, signal), "SIGNAL",
	  "name or number; default KILL" },
	{ NULL },
};

static int kill_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	struct error ignored = { 0 };
	const int *sig = data;
	struct container c;
	struct proc p;
	int r;

	r = ctrcmd_find(cli, name, &c, err);
	if (r < 0)
		return r;
	r = ctrcmd_need_running(&c, err);
	if (r == 0) {
		p = (struct proc){ .pid = c.state.pid, .pidfd = ctrcmd_open_init(&c, err) };
		r = p.pidfd < 0 ? p.pidfd : proc_signal(&p, *sig);
		if (r < 0 && p.pidfd >= 0)
			error_code(err, r, "signal container %s", name);
		proc_done(&p);
		/* As docker: a signal that it could not hear lets it go on. */
		if (r == 0 && c.paused && *sig != SIGKILL)
			ignore_result(ctrcmd_unpause(&c, &ignored)); /* it has ended */
	}
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct kill_options o = { 0 };
	int r, sig = SIGKILL;
	char **args;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (o.signal) {
		r = signal_parse(o.signal, &sig, err);
		if (r < 0)
			return r;
	}
	return ctrcmd_each(cli, args, kill_one, CTRCMD_ECHO, &sig, err);
}

const struct command cmd_kill = {
	.name = "kill",
	.group = GROUP_CONTAINER,
	.summary = "send a signal to containers",
	.usage = "[OPTIONS] CONTAINER...",
	.options = options,
	.run = run,
};
