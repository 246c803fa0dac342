/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "storage/image.h"

static const struct opt options[] = {
	{ NULL },
};

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct reference name;
	struct image image;
	struct store *s;
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 2, .max = 2 }, NULL, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = reference_parse(args[1], &name, err);
	if (r == 0)
		r = cli_store(cli, STORE_CREATE, &s, err);
	if (r == 0)
		r = image_find(s, args[0], &image, err);
	if (r < 0)
		return r;
	r = image_tag(s, &image, &name, err);
	image_done(&image);
	return r;
}

const struct command cmd_tag = {
	.name = "tag",
	.group = GROUP_IMAGE,
	.summary = "give an image another name",
	.usage = "IMAGE NAME[:TAG]",
	.options = options,
	.run = run,
};
