/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/enforce.h"
#include "cli/fetch.h"
#include "cli/launch.h"
#include "cli/request.h"
#include "cli/session.h"
#include "cli/stdfd.h"
#include "cli/supervised.h"
#include "cli/trash.h"
#include "cli/tty.h"
#include "runtime/userns.h"
#include "storage/sweep.h"

static enum fetch_when when_of(const char *pull)
{
	if (pull && str_eq(pull, "always"))
		return FETCH_ALWAYS;
	return pull && str_eq(pull, "never") ? FETCH_NEVER : FETCH_MISSING;
}

static int resolve(struct cli *cli, const struct run_options *o, char **args, enum fetch_when when,
		   struct ctrconf *rec, struct digest *ret_manifest, struct error *err)
{
	char id[DIGEST_STR_MAX];
	struct imgconfig config;
	struct image image;
	int r;

	r = fetch_image(cli, args[0], o->platform, when, &image, err);
	if (r < 0)
		return r;
	r = image_config(cli->store, &image, &config, err);
	if (r == 0) {
		r = request_image(o, &config, args + 1, rec, err);
		imgconfig_done(&config);
	}
	rec->image = xstrdup(args[0]);
	rec->image_id = xstrdup(digest_format(&image.config, id));
	for (size_t i = 0; i < image.n_layers; i++)
		strv_add(&rec->layers, image.layers[i].hex);
	*ret_manifest = image.manifest;
	image_done(&image);
	return r;
}

static int make(struct cli *cli, const struct run_options *o, const struct ctrconf *rec,
		const struct digest *manifest, struct container *ret, int *ret_lock,
		struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf config;
	struct container_new new = { .name = o->name, .image = *manifest };
	int r;

	str_buf_init(&config, CTRCONF_SIZE_MAX);
	ctrconf_format(rec, &config);
	r = str_buf_end(&config);
	if (r < 0)
		return error_code(err, r, "write down the container (at most %d bytes)",
				  CTRCONF_SIZE_MAX);
	new.config = config.s;
	new.config_len = config.len;
	new.remove_at_end = true; /* until it runs: a `run` that is killed before leaves nothing */
	r = container_create(cli->store, &new, ret, ret_lock, err);
	if ((r != -ENOSPC && r != -EDQUOT) || store_has_trash(cli->store) <= 0)
		return r;
	/* What waits there to be deleted goes first, however long it takes. */
	trash_empty(cli->store, 0);
	error_clear(err);
	return container_create(cli->store, &new, ret, ret_lock, err);
}

static void remove_record(struct launch *l)
{
	struct error err = { 0 };

	if (launch_remove(l->store, l->ctr, &err) < 0)
		log_warn(err.dcode, "remove the container: %s", err.text);
}

/*
 * `run --rm` without a terminal: this process is the supervisor. It goes into U, for good, and
 * removes the record from there.
 */
static int foreground(struct launch *l, struct error *err)
{
	struct launched d;
	struct session s;
	int r;

	r = session_open(&s,
			 (l->rec->open_stdin ? SESSION_STDIN : 0) |
				 (l->rec->here ? SESSION_PASS : 0),
			 err);
	if (r == 0)
		r = launch_start(l, s.child_fds, 0, 0, &d, err);
	if (r == 0) {
		s.root = &d.ctr.server;
		s.watchdog = &d.enforce.watchdog;
		s.net = d.has_net ? &d.net.proc : NULL;
		r = session_run(&s, &d.ctr.init, -1, err);
		if (r >= 0)
			launch_tell_oom(l, &d);
		launched_done(&d);
		launch_end_cgroup(l);
		/* For `carrel wait`; on a full disk it says that it does not know. */
		if (r >= 0)
			ignore_result(container_lock_set_status(l->lock_fd, r));
	}
	session_close(&s);
	remove_record(l);
	return r;
}

static int go(struct cli *cli, const struct run_options *o, struct launch *l, struct error *err)
{
	_cleanup_(supervised_done) struct supervised s = SUPERVISED_NONE;
	enum supervised_flags flags = SUPERVISED_FRESH | (o->detach ? 0 : SUPERVISED_ATTACH);
	int r;

	r = launch_prepare(l, err);
	if (r < 0) {
		remove_record(l);
		return r;
	}
	authfiles_close(&cli->auth); /* not for the processes that follow */
	if (l->rec->remove && !l->rec->tty && !o->detach)
		return foreground(l, err);
	r = supervised_start(l, flags, &s, err);
	if (r < 0)
		return r;
	if (o->detach) {
		printf("%s\n", l->ctr->id);
		return 0;
	}
	return supervised_attach(&s, l, true, err);
}

/* Refused before anything is made (DESIGN 4.9). */
static int check_stdio(const struct run_options *o, struct error *err)
{
	enum stdfd_kind kind;

	if (o->tty && o->interactive && !o->detach) {
		int r = tty_need_input("-i without -t reads from a pipe or a file", err);

		if (r < 0)
			return r;
	}
	if (o->here && o->remove && !o->tty && !o->detach)
		return 0; /* they go in as they are */
	for (int fd = o->interactive ? 0 : 1; fd <= 2; fd++) {
		int r = stdfd_kind(fd, &kind, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* One try; *ret_lost: a layer of the image, whose manifest is told then, is not there any more, or
 * not for our ids. */
static int try_run(struct cli *cli, struct run_options *o, char **args, enum fetch_when when,
		   bool *ret_lost, struct digest *ret_manifest, struct error *err)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	struct launch l = {
		.cli = cli,
		.rec = &rec,
		.strict = o->strict,
		.lock_fd = -1,
		.libexec_fd = -1,
		.ids_told = o->ids_told,
		.why = o->one_id,
		.limits_told = o->limits_told,
	};
	struct container ctr;
	struct digest manifest;
	int r;

	r = request_options(o, &rec, err);
	if (r == 0)
		r = check_stdio(o, err);
	if (r == 0)
		r = enforce_check(&rec, o->strict ? ENFORCE_STRICT : 0, err);
	if (r == 0)
		r = resolve(cli, o, args, when, &rec, &manifest, err);
	if (r == 0)
		r = make(cli, o, &rec, &manifest, &ctr, &l.lock_fd, err);
	if (r < 0)
		return r;
	log_debug("run", "container %s, %s", ctr.id, ctr.name);
	l.store = cli->store;
	l.ctr = &ctr;
	r = go(cli, o, &l, err);
	/* A supervised start fails in another process: the code tells. */
	*ret_manifest = manifest;
	*ret_lost = r < 0 && (l.layer_lost || err->dcode == DCODE_SUBID_CHANGED);
	o->ids_told = *ret_lost && (l.ids_told || !l.layer_lost);
	o->one_id = l.map.why;
	o->limits_told = l.limits_told || o->ids_told;
	launch_done(&l);
	container_done(&ctr);
	return r;
}

/* What is lost can be fetched again. Found out where the layers are opened anyway: nothing is
 * looked at twice on the way to a start. */
static int run_with(struct cli *cli, struct run_options *o, char **args, struct error *err)
{
	enum fetch_when when = when_of(o->pull);
	struct digest manifest;
	bool lost = false;
	int r;

	r = try_run(cli, o, args, when, &lost, &manifest, err);
	if (!lost || when == FETCH_NEVER)
		return r;
	log_warn(err->dcode, "%s: fetching the image again", err->text);
	error_clear(err);
	r = fetch_again(cli, args[0], &manifest, err);
	return r < 0 ? r : try_run(cli, o, args, FETCH_NEVER, &lost, &manifest, err);
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	static const struct cli_args want = { .min = 1, .max = -1, .flags = CLI_ARGS_STOP };
	_cleanup_(run_options_done) struct run_options o = { 0 };
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &want, &o, &args, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	run_options_forget_empty(&o);
	o.strict = o.strict || cli->strict;
	if (o.strict && !o.here) {
		r = userns_need_full(err);
		if (r < 0)
			return r;
	}
	return run_with(cli, &o, args, err);
}

const struct command cmd_run = {
	.name = "run",
	.group = GROUP_CONTAINER,
	.summary = "run a command in a new container",
	.usage = "[OPTIONS] IMAGE [COMMAND [ARG...]]",
	.options = run_option_table,
	.asks_registry = true,
	.run = run,
};
