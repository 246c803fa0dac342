/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stddef.h>

#include "cli/commands.h"

/* Help lists them in this order below their group. */
static const struct command *const table[] = {
	/* containers */
	&cmd_run,
	&cmd_ps,
	&cmd_logs,
	&cmd_exec,
	&cmd_attach,
	&cmd_start,
	&cmd_stop,
	&cmd_kill,
	&cmd_pause,
	&cmd_unpause,
	&cmd_update,
	&cmd_stats,
	&cmd_wait,
	&cmd_rm,
	&cmd_inspect,
	&cmd_container_inspect,
	&cmd_explain,
	/* images */
	&cmd_images,
	&cmd_image_inspect,
	&cmd_tag,
	&cmd_rmi,
	&cmd_pull,
	/* host */
	&cmd_doctor,
	&cmd_info,
	&cmd_version,
	&cmd_help,
	/* hidden */
	&cmd_complete,
	&cmd_options,
	NULL,
};

static const struct command_alias aliases[] = {
	{ "container run", "run" },
	{ "container ls", "ps" },
	{ "container ps", "ps" },
	{ "container list", "ps" },
	{ "container logs", "logs" },
	{ "container exec", "exec" },
	{ "container attach", "attach" },
	{ "container start", "start" },
	{ "container stop", "stop" },
	{ "container kill", "kill" },
	{ "container pause", "pause" },
	{ "container stats", "stats" },
	{ "container unpause", "unpause" },
	{ "container update", "update" },
	{ "container wait", "wait" },
	{ "container rm", "rm" },
	{ "image ls", "images" },
	{ "image list", "images" },
	{ "image rm", "rmi" },
	{ "image remove", "rmi" },
	{ "image tag", "tag" },
	{ "image pull", "pull" },
	{ NULL, NULL },
};

const struct command *const *command_table(void)
{
	return table;
}

const struct command_alias *command_alias_table(void)
{
	return aliases;
}

static const struct command *by_name(const char *name)
{
	for (const struct command *const *c = table; *c; c++)
		if (str_eq((*c)->name, name))
			return *c;
	for (const struct command_alias *a = aliases; a->name; a++)
		if (str_eq(a->name, name))
			return by_name(a->command);
	return NULL;
}

bool command_is_noun(const char *word)
{
	size_t n = strlen(word);

	for (const struct command *const *c = table; *c; c++)
		if (strncmp((*c)->name, word, n) == 0 && (*c)->name[n] == ' ')
			return true;
	for (const struct command_alias *a = aliases; a->name; a++)
		if (strncmp(a->name, word, n) == 0 && a->name[n] == ' ')
			return true;
	return false;
}

int command_find(int argc, char **argv, const struct command **ret, int *ret_used,
		 struct error *err)
{
	const struct command *c = NULL;
	char two[64];

	*ret_used = 1;
	if (!command_is_noun(argv[0])) {
		c = by_name(argv[0]);
	} else if (argc < 2 || argv[1][0] == '-') {
		error_set(err, -EINVAL, "`%s` needs a second word", argv[0]);
		error_hint(err, "try `carrel %s --help`", argv[0]);
		return -EINVAL;
	} else if (str_print(two, sizeof(two), "%s %s", argv[0], argv[1]) == 0) {
		*ret_used = 2;
		c = by_name(two);
	}
	if (!c) {
		error_set(err, -ENOENT, "unknown command %s%s%s", argv[0],
			  *ret_used == 2 ? " " : "", *ret_used == 2 ? argv[1] : "");
		error_hint(err, "`carrel %s%s--help` lists the commands",
			   *ret_used == 2 ? argv[0] : "", *ret_used == 2 ? " " : "");
		return -ENOENT;
	}
	*ret = c;
	return 0;
}
