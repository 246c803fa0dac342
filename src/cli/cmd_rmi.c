/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "storage/image.h"
#include "storage/sweep.h"

struct rmi_options {
	bool force;
};

static const struct opt options[] = {
	{ "force", 'f', OPT_FLAG, offsetof(struct rmi_options, force), NULL,
	  "all names of an image; also those of one that a container uses" },
	{ NULL },
};

static int rmi_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	const struct rmi_options *o = data;
	_cleanup_(strv_done) struct strv names = { 0 }, images = { 0 };
	int r;

	r = image_remove(cli->store, name, o->force ? IMAGE_REMOVE_FORCE : 0, &names, &images, err);
	/* What was removed before a failure is told as well. */
	for (size_t i = 0; i < names.n; i++) {
		char text[REFERENCE_STR_MAX];
		struct reference ref;

		if (reference_parse(names.v[i], &ref, NULL) == 0)
			printf("Untagged: %s\n", reference_familiar(&ref, text));
	}
	for (size_t i = 0; i < images.n; i++)
		printf("Deleted: %s\n", images.v[i]);
	if (r == -ENOENT && o->force) {
		error_clear(err);
		return 0;
	}
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct rmi_options o = { 0 };
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	return ctrcmd_remove_each(cli, args, rmi_one, 0, &o, err);
}

const struct command cmd_rmi = {
	.name = "rmi",
	.group = GROUP_IMAGE,
	.summary = "remove names and images",
	.usage = "[OPTIONS] IMAGE...",
	.options = options,
	.run = run,
};
