/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>

#include "cli/output.h"

enum {
	HELP_MAX = 64 << 10,
};

static const struct opt global_options[] = {
	{ "root", 0, OPT_STRING, offsetof(struct cli, root), "PATH",
	  "the store; default $XDG_DATA_HOME/carrel (environment: CARREL_ROOT)" },
	{ "strict", 0, OPT_FLAG, offsetof(struct cli, strict), NULL,
	  "fail where something asked for cannot be honoured, instead of a warning" },
	{ "debug", 0, OPT_FLAG, offsetof(struct cli, debug), NULL,
	  "tell on standard error what is done" },
	{ "version", 'v', OPT_FLAG, offsetof(struct cli, version), NULL, "print the version" },
	{ NULL },
};

const struct opt *cli_global_options(void)
{
	return global_options;
}

int cli_print_help(struct cli *cli, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf out;

	(void)cli;
	str_buf_init(&out, HELP_MAX);
	command_help_all(global_options, &out);
	return output_text(out.s, err);
}

int cli_print_noun(const char *noun, bool asked, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf out;

	str_buf_init(&out, HELP_MAX);
	command_help_noun(noun, &out);
	if (asked)
		return output_text(out.s, err);
	fputs(out.s, stderr);
	return 0;
}

static int check_count(const struct cli *cli, const struct cli_args *want, size_t n,
		       struct error *err)
{
	const char *name = cli->command->name;

	if (n >= (size_t)want->min && (want->max < 0 || n <= (size_t)want->max))
		return 0;
	if (want->max == 0)
		error_set(err, -EINVAL, "`%s` takes no arguments", name);
	else if (n < (size_t)want->min)
		error_set(err, -EINVAL, "`%s` needs at least %d argument%s", name, want->min,
			  want->min == 1 ? "" : "s");
	else
		error_set(err, -EINVAL, "`%s` takes at most %d argument%s", name, want->max,
			  want->max == 1 ? "" : "s");
	error_hint(err, "usage: carrel %s %s; try `carrel %s --help`", name, cli->command->usage,
		   name);
	return -EINVAL;
}

int cli_parse(struct cli *cli, int argc, char **argv, const struct cli_args *want, void *fill,
	      char ***ret_args, size_t *ret_n, struct error *err)
{
	enum opt_parse_flags flags = want->flags & CLI_ARGS_STOP ? OPT_STOP_AT_ARG : 0;
	_cleanup_(str_buf_done) struct str_buf out;
	size_t n = 0;
	char **args;
	bool help;
	int r;

	str_buf_init(&out, HELP_MAX);
	r = opt_parse(cli->command->options, argc, argv, flags, fill, &args, &help, err);
	if (r < 0) {
		if (!err->hint[0] || r == -EINVAL)
			error_hint(err, "try `carrel %s --help`", cli->command->name);
		return r;
	}
	if (help) {
		command_help(cli->command, &out);
		r = output_text(out.s, err);
		return r < 0 ? r : 1;
	}
	while (args[n])
		n++;
	r = check_count(cli, want, n, err);
	if (r < 0)
		return r;
	*ret_args = args;
	if (ret_n)
		*ret_n = n;
	return 0;
}
