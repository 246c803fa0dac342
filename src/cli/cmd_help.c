/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

static const struct opt options[] = {
	{ NULL },
};

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf out;
	const struct command *c;
	char **args;
	int r, used;
	size_t n;

	str_buf_init(&out, 64 << 10);
	r = cli_parse(cli, argc, argv, &(struct cli_args){ .max = 2 }, NULL, &args, &n, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (n == 0)
		return cli_print_help(cli, err);
	if (n == 1 && command_is_noun(args[0]))
		return cli_print_noun(args[0], true, err);
	r = command_find((int)n, args, &c, &used, err);
	if (r < 0)
		return r;
	command_help(c, &out);
	return output_text(out.s, err);
}

const struct command cmd_help = {
	.name = "help",
	.group = GROUP_HOST,
	.summary = "print the help of a command",
	.usage = "[COMMAND]",
	.options = options,
	.any_caller = true,
	.run = run,
};
