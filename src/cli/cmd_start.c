/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/enforce.h"
#include "cli/fetch.h"
#include "cli/launch.h"
#include "cli/supervised.h"
#include "cli/tty.h"
#include "runtime/userns.h"
#include "storage/image.h"

struct start_options {
	bool attach, interactive;
};

#define O(field) offsetof(struct start_options, field)

static const struct opt options[] = {
	{ "attach", 'a', OPT_FLAG, O(attach), NULL, "show its output, and end with its status" },
	{ "interactive", 'i', OPT_FLAG, O(interactive), NULL, "connect standard input, too" },
	{ NULL },
};

/* What a failed try leaves for the next one. */
struct retry {
	bool lost;     /* as in `run`: a layer is not there any more, or not for our ids */
	bool ids_told; /* the warning of a map with one id was printed */
};

static int runs_already(const struct container *c, const struct start_options *o, struct error *err)
{
	if (!o->attach && !o->interactive)
		return 0;
	error_set(err, -EBUSY, "container %s runs already", c->name);
	error_hint(err, "`carrel attach %s` connects to it", c->name);
	return -EBUSY;
}

static int try_start(struct cli *cli, struct container *c, const struct ctrconf *rec,
		     const struct start_options *o, struct retry *retry, struct error *err)
{
	_cleanup_(supervised_done) struct supervised s = SUPERVISED_NONE;
	_cleanup_(launch_done) struct launch l = { .lock_fd = -1, .libexec_fd = -1 };
	bool attach = o->attach || o->interactive;
	int r;

	l.cli = cli;
	l.strict = cli->strict;
	l.store = cli->store;
	l.ctr = c;
	l.rec = rec;
	l.ids_told = retry->ids_told;
	l.lock_fd = ctrcmd_lock_ended(cli, c, err);
	if (l.lock_fd == -EAGAIN)
		return runs_already(c, o, err);
	if (l.lock_fd < 0)
		return l.lock_fd;
	r = launch_prepare(&l, err);
	if (r == 0)
		r = supervised_start(&l, attach ? SUPERVISED_ATTACH : 0, &s, err);
	retry->lost = r < 0 && r != LAUNCH_UPPER_LOST &&
		      (l.layer_lost || err->dcode == DCODE_SUBID_CHANGED);
	retry->ids_told = retry->lost && !l.layer_lost;
	if (r == 0 && attach)
		r = supervised_attach(&s, &l, o->interactive, err);
	return r;
}

/* By the id: its name may lead to another image by now. */
static int bring_back(struct cli *cli, const struct ctrconf *rec, struct error *err)
{
	struct image i;
	int r;

	r = image_find(cli->store, rec->image_id, &i, err);
	if (r < 0)
		return r;
	r = fetch_again(cli, rec->image, &i.manifest, err);
	image_done(&i);
	return r;
}

static int start(struct cli *cli, struct container *c, const struct start_options *o,
		 struct error *err)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	struct retry retry = { 0 };
	int r;

	r = ctrcmd_record(c, &rec, err);
	if (r == 0 && o->interactive && rec.tty && rec.open_stdin)
		r = tty_need_input("the container was made with -i -t: `start -a` shows its output "
				   "without input",
				   err);
	if (r == 0)
		r = enforce_check(&rec, cli->strict ? ENFORCE_STRICT : 0, err);
	if (r == 0)
		r = try_start(cli, c, &rec, o, &retry, err);
	if (!retry.lost)
		return r;
	log_warn(err->dcode, "%s: fetching the image again", err->text);
	error_clear(err);
	r = bring_back(cli, &rec, err);
	return r < 0 ? r : try_start(cli, c, &rec, o, &retry, err);
}

static int start_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	const struct start_options *o = data;
	struct container c;
	int r;

	r = container_find(cli->store, name, &c, err);
	if (r < 0)
		return r;
	r = c.state.status == CONTAINER_RUNNING ? runs_already(&c, o, err) : start(cli, &c, o, err);
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct start_options o = { 0 };
	struct store *s;
	char **args;
	size_t n;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, &n,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (n > 1 && (o.attach || o.interactive))
		return error_set(err, -EINVAL, "only one container can be attached");
	r = cli->strict ? userns_need_full(err) : 0;
	if (r == 0)
		r = cli_store(cli, STORE_CREATE, &s, err);
	if (r < 0)
		return r;
	if (o.attach || o.interactive)
		return start_one(cli, args[0], &o, err);
	return ctrcmd_each(cli, args, start_one, CTRCMD_ECHO, &o, err);
}

const struct command cmd_start = {
	.name = "start",
	.group = GROUP_CONTAINER,
	.summary = "start containers that have ended",
	.usage = "[OPTIONS] CONTAINER...",
	.options = options,
	.run = run,
};
