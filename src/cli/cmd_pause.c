/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"

static const struct opt options[] = { { NULL } };

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	return ctrcmd_pause_each(cli, argc, argv, true, err);
}

const struct command cmd_pause = {
	.name = "pause",
	.group = GROUP_CONTAINER,
	.summary = "stop all processes of containers for a while",
	.usage = "CONTAINER...",
	.options = options,
	.run = run,
};
