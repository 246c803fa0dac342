/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stddef.h>

#include "cli/commands.h"
#include "cli/fetch.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "runtime/userns.h"

struct pull_options {
	const char *platform, *tls_verify;
	bool quiet;
};

static const struct opt options[] = {
	{ "platform", 0, OPT_STRING, offsetof(struct pull_options, platform), "OS/ARCH[/VARIANT]",
	  "fetch the image for this platform" },
	{ "quiet", 'q', OPT_FLAG, offsetof(struct pull_options, quiet), NULL,
	  "print the image id only" },
	{ "tls-verify", 0, OPT_SWITCH, offsetof(struct pull_options, tls_verify), NULL,
	  "check certificates, always; =false also allows plain HTTP" },
	{ NULL },
};

static int check(const struct pull_options *o, struct error *err)
{
	struct platform p;

	return o->platform ? platform_parse(o->platform, &p, err) : 0;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct pull_options o = { 0 };
	struct fetch_request req = { .flags = FETCH_PRINT_ID };
	char full[REFERENCE_STR_MAX];
	struct reference ref;
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = 1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = check(&o, err);
	if (r == 0)
		r = reference_parse(args[0], &ref, err);
	if (r == 0 && cli->strict)
		r = userns_need_full(err);
	if (r < 0)
		return r;
	req.reference = reference_format(&ref, full);
	req.platform = o.platform;
	req.tls_verify = o.tls_verify;
	if (o.quiet)
		req.flags |= FETCH_QUIET;
	return fetch_pull(cli, &req, err);
}

const struct command cmd_pull = {
	.name = "pull",
	.group = GROUP_IMAGE,
	.summary = "fetch an image from a registry",
	.usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.options = options,
	.asks_registry = true,
	.run = run,
};
