/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "runtime/userns.h"

static bool is_true(const char *s)
{
	return s && (str_eq(s, "1") || str_eq(s, "true"));
}

/* A value that is refused, where the place that has refused it knows no better. */
static void hint_at_page(const struct command *c, struct error *err)
{
	if (err->text[0] && !err->hint[0] && err->dcode == DCODE_NONE &&
	    (err->code == -EINVAL || err->code == -E2BIG || err->code == -ERANGE))
		error_hint(err, "`carrel %s --help` and the manual page say what it takes",
			   c->name);
}

/* Whoever sets it to something else is not to believe that it is strict. */
static int env_strict(bool *strict, struct error *err)
{
	const char *s = secure_getenv("CARREL_STRICT");

	if (is_true(s))
		*strict = true;
	else if (s && *s && !str_eq(s, "0") && !str_eq(s, "false"))
		return error_set(err, -EINVAL, "CARREL_STRICT is 1 or 0, not '%s'", s);
	return 0;
}

static bool is_help(const char *word)
{
	return str_eq(word, "--help") || str_eq(word, "--help=true") || str_eq(word, "-h");
}

static int run_command(struct cli *cli, int argc, char **argv, struct error *err)
{
	const struct command *c;
	int used, r;

	if (command_is_noun(argv[0]) && (argc < 2 || is_help(argv[1])))
		return cli_print_noun(argv[0], argc > 1, err); /* as docker */
	r = command_find(argc, argv, &c, &used, err);
	if (r < 0)
		return r;
	cli->command = c;
	/* Help is for every caller, too. */
	if (!c->any_caller && !(argv[used] && str_eq(argv[used], "--help"))) {
		cli->auth.is_roots = getuid() == 0;
		if (c->asks_registry && cli->auth.is_roots)
			authfiles_open(&cli->auth); /* below /root, perhaps */
		r = rootcaller_drop(err);
		if (r < 0)
			return r;
	}
	r = c->run(cli, argc - used + 1, argv + used - 1, err);
	if (r < 0)
		hint_at_page(c, err);
	return r;
}

static int cli_main(struct cli *cli, int argc, char **argv, struct error *err)
{
	char **args;
	bool help;
	int n = 0, r;

	r = opt_parse(cli_global_options(), argc, argv, OPT_STOP_AT_ARG, cli, &args, &help, err);
	if (r < 0)
		return r;
	if (cli->debug || is_true(secure_getenv("CARREL_DEBUG")))
		log_set_level(LOG_LEVEL_DEBUG);
	r = env_strict(&cli->strict, err);
	if (r < 0)
		return r;
	if (help)
		return cli_print_help(cli, err);
	if (cli->version) {
		printf("carrel version %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (!args[0]) {
		error_set(err, -EINVAL, "no command given");
		error_hint(err, "try `carrel --help`");
		return -EINVAL;
	}
	while (args[n])
		n++;
	return run_command(cli, n, args, err);
}

/* A mask that takes the owner's bits would make directories that nobody can enter or sweep. */
static void keep_own_access(void)
{
	(void)umask(umask(0) & 077);
}

int main(int argc, char **argv)
{
	struct cli cli = { .program = "carrel" };
	struct error err = { 0 };
	int r;

	r = fd_sanitize_std();
	if (r < 0)
		return EXIT_OURS;
	proc_hear_write_errors();
	proc_keep_children();
	keep_own_access();
	r = cli_main(&cli, argc, argv, &err);
	if (r < 0) {
		ignore_result(output_close(NULL)); /* the first error is the one to tell */
		if (err.text[0]) /* else a helper program has told it, or nobody listens */
			error_print(&err, stderr);
		return error_exit_status(&err);
	}
	if (output_close(&err) < 0) {
		if (err.text[0])
			error_print(&err, stderr);
		return error_exit_status(&err);
	}
	return r;
}
