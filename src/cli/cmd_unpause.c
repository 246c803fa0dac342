/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"

static const struct opt options[] = { { NULL } };

static int unpause_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	struct container c;
	int r;

	(void)data;
	r = ctrcmd_find(cli, name, &c, err);
	if (r < 0)
		return r;
	r = ctrcmd_need_running(&c, err);
	if (r == 0 && !c.paused)
		r = error_set(err, -EINVAL, "container %s is not paused", c.name);
	if (r == 0)
		r = ctrcmd_unpause(&c, err);
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, NULL, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	return ctrcmd_each(cli, args, unpause_one, CTRCMD_ECHO, NULL, err);
}

const struct command cmd_unpause = {
	.name = "unpause",
	.group = GROUP_CONTAINER,
	.summary = "let paused containers go on",
	.usage = "CONTAINER...",
	.options = options,
	.run = run,
};
