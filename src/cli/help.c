/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "cli/command.h"

enum {
	NAME_COLUMN = 18,
};

static const char *const group_titles[GROUP_N] = {
	[GROUP_CONTAINER] = "Containers",
	[GROUP_IMAGE] = "Images",
	[GROUP_HOST] = "Host",
};

static bool has_letter(const struct opt *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return true;
	return false;
}

void command_help(const struct command *c, struct str_buf *out)
{
	str_buf_addf(out, "Usage: carrel %s%s%s\n\n", c->name, *c->usage ? " " : "", c->usage);
	str_buf_addf(out, "%c%s.\n", c->summary[0] - 'a' + 'A', c->summary + 1);
	for (const struct command_alias *a = command_alias_table(); a->name; a++)
		if (str_eq(a->command, c->name))
			str_buf_addf(out, "Same as `carrel %s`.\n", a->name);
	str_buf_adds(out, "\nOptions:\n");
	opt_print_help(c->options, out);
	str_buf_adds(out, has_letter(c->options, 'h')
				  ? "      --help                  print this help\n"
				  : "  -h, --help                  print this help\n");
}

static void add_group(enum command_group group, struct str_buf *out)
{
	str_buf_addf(out, "\n%s:\n", group_titles[group]);
	for (const struct command *const *c = command_table(); *c; c++)
		if ((*c)->group == group)
			str_buf_addf(out, "  %-*s%s\n", NAME_COLUMN, (*c)->name, (*c)->summary);
}

static const char *summary_of(const char *command)
{
	for (const struct command *const *c = command_table(); *c; c++)
		if (str_eq((*c)->name, command))
			return (*c)->summary;
	return "";
}

void command_help_noun(const char *noun, struct str_buf *out)
{
	size_t n = strlen(noun);

	str_buf_addf(out, "Usage: carrel %s COMMAND [ARG...]\n\nCommands:\n", noun);
	for (const struct command *const *c = command_table(); *c; c++)
		if (str_starts((*c)->name, noun) && (*c)->name[n] == ' ')
			str_buf_addf(out, "  %-*s%s\n", NAME_COLUMN, (*c)->name + n + 1,
				     (*c)->summary);
	for (const struct command_alias *a = command_alias_table(); a->name; a++)
		if (str_starts(a->name, noun) && a->name[n] == ' ')
			str_buf_addf(out, "  %-*s%s\n", NAME_COLUMN, a->name + n + 1,
				     summary_of(a->command));
	str_buf_addf(out, "\n`carrel %s COMMAND --help` tells more about a command.\n", noun);
}

static bool has_group(enum command_group group)
{
	for (const struct command *const *c = command_table(); *c; c++)
		if ((*c)->group == group)
			return true;
	return false;
}

void command_help_all(const struct opt *global, struct str_buf *out)
{
	str_buf_adds(out, "Usage: carrel [OPTIONS] COMMAND [ARG...]\n\n"
			  "Pull and run container images as an ordinary user.\n");
	for (enum command_group g = 0; g < GROUP_HIDDEN; g++)
		if (has_group(g))
			add_group(g, out);
	str_buf_adds(out, "\nOptions:\n");
	opt_print_help(global, out);
	str_buf_adds(out, "  -h, --help                  print this help\n"
			  "\n`carrel COMMAND --help` tells more about a command.\n");
}
