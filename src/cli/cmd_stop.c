/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
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
	STOP_SECONDS_MAX = 1000000, /* in milliseconds an int */
	TOGETHER_MAX = 100,	    /* a descriptor each; fewer where those run out */
};

struct stop_options {
	const char *time;
};

static const struct opt options[] = {
	{ "time", 't', OPT_STRING, offsetof(struct stop_options, time), "SECONDS",
	  "how long to wait before it is killed; default 10" },
	{ NULL },
};

/* A container that runs and was asked to end, unless r is an error. */
struct target {
	struct container c; /* its dirfd is closed by then */
	struct proc init;   /* that has time to react; pidfd -1: there is none, or it was killed */
	int r;
	struct error err;
};

struct stop {
	int seconds;  /* -1: no matter how long it takes */
	char **names; /* not yet looked for */
	struct target targets[TOGETHER_MAX];
	size_t n, next;
	int64_t deadline; /* of clock_ms() */
};

/* Who is named twice is asked once. */
static bool is_asked(const struct stop *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->targets[i].init.pidfd >= 0 && str_eq(s->targets[i].c.id, id))
			return true;
	return false;
}

/*
 * The kernel drops a signal that pid 1 of a pid namespace neither catches nor blocks: nobody would
 * ever react to it, so there is nothing to wait for.
 */
static int ask(const struct stop *s, struct target *t)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	_cleanup_(proc_done) struct proc init = { .pidfd = -1 };
	struct error ignored = { 0 };
	bool waits;
	int r, sig;

	r = ctrcmd_record(&t->c, &rec, &t->err);
	if (r == 0)
		r = ctrconf_stop_signal(&rec, &sig, &t->err);
	if (r < 0)
		return r;
	init.pid = t->c.state.pid;
	init.pidfd = proc_open_recorded(t->c.state.pid, t->c.state.start_time);
	if (init.pidfd == -ESRCH || init.pidfd == -ENOENT)
		return 0; /* it has ended */
	if (init.pidfd < 0)
		return error_code(&t->err, init.pidfd, "find pid 1 of container %s", t->c.name);
	waits = s->seconds != 0 && !signal_is_lost(init.pid, sig);
	if (!waits)
		log_debug("stop", "no time, or pid 1 does not catch signal %d: killed at once",
			  sig);
	r = is_asked(s, t->c.id) ? 0 : proc_signal(&init, waits ? sig : SIGKILL);
	if (r < 0 && r != -ESRCH)
		return error_code(&t->err, r, "stop container %s", t->c.name);
	/* One that is paused hears it when it goes on; if it does not, it is killed. */
	if (waits && t->c.paused)
		ignore_result(ctrcmd_unpause(&t->c, &ignored)); /* the kill will do */
	if (waits) {
		t->init = init;
		init.pidfd = -1;
	}
	return 0;
}

/* All of them, before the first is waited for: they end side by side. */
static void ask_next(struct cli *cli, struct stop *s)
{
	s->next = 0;
	for (s->n = 0; *s->names && s->n < TOGETHER_MAX; s->names++, s->n++) {
		struct target *t = &s->targets[s->n];

		*t = (struct target){ .init.pidfd = -1, .c.dirfd = -1 };
		t->r = ctrcmd_find(cli, *s->names, &t->c, &t->err);
		if (t->r == 0 && t->c.state.status == CONTAINER_RUNNING)
			t->r = ask(s, t);
		container_done(&t->c);
		if (t->r == -EMFILE && s->n > 0)
			break; /* with those of these it goes on */
	}
	s->deadline = clock_ms() + (int64_t)s->seconds * 1000;
}

static int end(struct cli *cli, const struct stop *s, struct target *t, struct error *err)
{
	int64_t left = s->deadline - clock_ms();
	int r = 0;

	if (t->init.pidfd >= 0) {
		r = proc_wait_pidfd(t->init.pidfd, s->seconds < 0 ? -1 : left > 0 ? (int)left : 0);
		if (r == 0)
			r = proc_signal(&t->init, SIGKILL);
		proc_done(&t->init);
		if (r < 0 && r != -ESRCH)
			return error_code(err, r, "stop container %s", t->c.name);
	}
	return ctrcmd_wait_end(cli, &t->c, err);
}

static int stop_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	struct stop *s = data;
	struct target *t;
	int r;

	(void)name;
	if (s->next == s->n)
		ask_next(cli, s);
	t = &s->targets[s->next++];
	r = t->r;
	if (r < 0)
		*err = t->err;
	else if (t->c.state.status == CONTAINER_RUNNING)
		r = end(cli, s, t, err);
	return r;
}

static int stop_each(struct cli *cli, char **names, int seconds, struct error *err)
{
	struct stop *s = xcalloc(1, sizeof(*s));
	int r;

	s->seconds = seconds;
	s->names = names;
	r = ctrcmd_each(cli, names, stop_one, CTRCMD_ECHO, s, err);
	free(s);
	return r;
}

static int parse_time(const char *s, int *ret, struct error *err)
{
	uint32_t n;

	if (str_eq(s, "-1")) {
		*ret = -1;
		return 0;
	}
	if (num_u32(s, &n) < 0 || n > STOP_SECONDS_MAX) {
		error_set(err, -EINVAL, "--time: '%s' is not a number of seconds", s);
		error_hint(err, "-1 waits as long as it takes");
		return -EINVAL;
	}
	*ret = (int)n;
	return 0;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct stop_options o = { 0 };
	int seconds = STOP_SECONDS, r;
	char **args;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = o.time ? parse_time(o.time, &seconds, err) : 0;
	if (r < 0)
		return r;
	return stop_each(cli, args, seconds, err);
}

const struct command cmd_stop = {
	.name = "stop",
	.group = GROUP_CONTAINER,
	.summary = "stop running containers",
	.usage = "[OPTIONS] CONTAINER...",
	.options = options,
	.run = run,
};
