/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "base/fd.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/tty.h"

static const struct opt options[] = {
	{ NULL },
};

static int attach_to(struct cli *cli, struct container *c, void *data, struct error *err)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	_cleanup_(fd_closep) int sock = -1;
	enum attach_flags flags;
	struct detach_keys keys;
	int r, status;

	(void)data;
	r = ctrcmd_need_running(c, err);
	if (r == 0)
		r = ctrcmd_need_unpaused(c, "attach", err);
	if (r == 0)
		r = ctrcmd_record(c, &rec, err);
	if (r == 0)
		r = detach_keys_parse(DETACH_KEYS, &keys, err);
	if (r == 0 && rec.tty && rec.open_stdin)
		r = tty_need_input("the container was made with -i -t: attach from a terminal; "
				   "`logs -f` shows its output anywhere",
				   err);
	if (r < 0)
		return r;
	flags = (rec.tty ? ATTACH_TTY : 0) | (rec.open_stdin ? ATTACH_STDIN : 0);
	sock = attach_connect(cli->store, c, flags, err);
	if (sock < 0)
		return sock;
	r = attach_run(sock, c, flags, &keys, &status, err);
	return r < 0 ? r : status;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	return ctrcmd_run_one(cli, argc, argv, NULL, attach_to, err);
}

const struct command cmd_attach = {
	.name = "attach",
	.group = GROUP_CONTAINER,
	.summary = "connect to a running container (-it: ctrl-p ctrl-q leave)",
	.usage = "CONTAINER",
	.options = options,
	.run = run,
};
