/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "runtime/ctr.h"

enum {
	END_MS = 10000, /* what a supervisor may need to deliver the rest of the output */
};

struct kill_options {
	const char *signal;
};

static const struct opt options[] = {
	{ "signal", 's', OPT_STRING, offsetof(struct kill_options, signal), "SIGNAL",
	  "name or number; default KILL" },
	{ NULL },
};

/* Looked for and told, all of them, before the first is waited for. */
struct target {
	struct container c; /* its dirfd is closed by then */
	int r;
	struct error err;
};

struct kill {
	int sig;
	size_t next;
	struct target *targets; /* in the order of the names */
	int64_t deadline;	/* of clock_ms() */
};

static int tell(struct container *c, const char *name, int sig, struct error *err)
{
	struct error ignored = { 0 };
	struct proc p = { .pid = c->state.pid };
	int r;

	r = ctrcmd_need_running(c, err);
	if (r < 0)
		return r;
	p.pidfd = ctrcmd_open_init(c, err);
	r = p.pidfd < 0 ? p.pidfd : proc_signal(&p, sig);
	if (r == -ESRCH && sig == SIGKILL) {
		error_clear(err); /* it is ending already, which is all that was asked for */
		r = 0;
	} else if (r < 0 && p.pidfd >= 0) {
		error_code(err, r, "signal container %s", name);
	}
	proc_done(&p);
	/* As docker: a signal that it could not hear lets it go on. */
	if (r == 0 && c->paused && sig != SIGKILL)
		ignore_result(ctrcmd_unpause(c, &ignored)); /* it has ended */
	return r;
}

/* Who is named twice is told once: the second time it may have ended. */
static const struct target *told_before(const struct kill *k, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (k->targets[i].r == 0 && str_eq(k->targets[i].c.id, id))
			return &k->targets[i];
	return NULL;
}

static void tell_all(struct cli *cli, struct kill *k, char **names)
{
	for (size_t i = 0; names[i]; i++) {
		struct target *t = &k->targets[i];

		t->r = ctrcmd_find(cli, names[i], &t->c, &t->err);
		if (t->r < 0)
			continue;
		if (!told_before(k, i, t->c.id))
			t->r = tell(&t->c, names[i], k->sig, &t->err);
		container_done(&t->c);
	}
	k->deadline = clock_ms() + END_MS;
}

/* As docker, after KILL alone: `rm`, `start` or `run` of the same name find it ended then. */
static int wait_end(struct cli *cli, const struct kill *k, const struct container *c,
		    struct error *err)
{
	_cleanup_(fd_closep) int super =
		proc_open_recorded(c->state.supervisor, c->state.supervisor_start);
	int64_t left = k->deadline - clock_ms();

	if (super >= 0 && proc_wait_pidfd(super, left > 0 ? (int)left : 0) == 0) {
		if (proc_recorded_lives(c->state.pid, c->state.start_time))
			log_warn(DCODE_NONE,
				 "container %s was killed, and has not ended yet: the kernel holds "
				 "a process of it in a call",
				 c->name);
		else
			log_warn(DCODE_NONE,
				 "container %s was killed, and who is attached to it does not read "
				 "its output: until then it is not ended",
				 c->name);
		return 0;
	}
	return ctrcmd_wait_end(cli, c, err);
}

static int kill_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	struct kill *k = data;
	struct target *t = &k->targets[k->next++];

	(void)name;
	if (t->r < 0)
		*err = t->err;
	else if (k->sig == SIGKILL)
		t->r = wait_end(cli, k, &t->c, err);
	return t->r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct kill_options o = { 0 };
	struct kill k = { .sig = SIGKILL };
	char **args;
	size_t n;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, &n,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (o.signal) {
		r = signal_parse(o.signal, &k.sig, err);
		if (r < 0)
			return r;
	}
	k.targets = xcalloc(n, sizeof(*k.targets));
	tell_all(cli, &k, args);
	r = ctrcmd_each(cli, args, kill_one, CTRCMD_ECHO, &k, err);
	free(k.targets);
	return r;
}

const struct command cmd_kill = {
	.name = "kill",
	.group = GROUP_CONTAINER,
	.summary = "send a signal to containers",
	.usage = "[OPTIONS] CONTAINER...",
	.options = options,
	.run = run,
};
