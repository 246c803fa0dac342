/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"

/*
 * The option tables as lines of tab-separated fields, for the man page check and whoever writes
 * such things:
 *	command NAME GROUP USAGE SUMMARY
 *	alias   NAME COMMAND
 *	option  COMMAND NAME LETTER KIND VALUE HELP     (COMMAND "" = before the command)
 * Empty fields are "-". KIND: flag, value, list, refused. Hidden commands and options do not
 * appear.
 */
static const struct opt options[] = {
	{ NULL },
};

static const char *const group_names[GROUP_N] = {
	[GROUP_CONTAINER] = "container",
	[GROUP_IMAGE] = "image",
	[GROUP_HOST] = "host",
};

static const char *kind_name(enum opt_kind kind)
{
	switch (kind) {
	case OPT_FLAG:
	case OPT_SWITCH:
		return "flag";
	case OPT_STRING:
	case OPT_CALL:
		return "value";
	case OPT_LIST:
		return "list";
	case OPT_REFUSED:
		return "refused";
	}
	return "-";
}

static const char *or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static void dump_options(const char *command, const struct opt *table)
{
	for (const struct opt *o = table; o->name; o++) {
		char letter[2] = { o->letter, '\0' };

		if (!o->help)
			continue;
		printf("option\t%s\t%s\t%s\t%s\t%s\t%s\n", or_dash(command), o->name,
		       or_dash(letter), kind_name(o->kind), or_dash(o->value), o->help);
	}
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ 0 }, NULL, &args, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	dump_options("", cli_global_options());
	for (const struct command *const *c = command_table(); *c; c++) {
		if ((*c)->group == GROUP_HIDDEN)
			continue;
		printf("command\t%s\t%s\t%s\t%s\n", (*c)->name, group_names[(*c)->group],
		       or_dash((*c)->usage), (*c)->summary);
		dump_options((*c)->name, (*c)->options);
	}
	for (const struct command_alias *a = command_alias_table(); a->name; a++)
		printf("alias\t%s\t%s\n", a->name, a->command);
	return 0;
}

const struct command cmd_options = {
	.name = "__options",
	.group = GROUP_HIDDEN,
	.summary = "print the option tables",
	.usage = "",
	.options = options,
	.any_caller = true,
	.run = run,
};
