/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/authfiles.h"

struct store;

/*
 * One command = one file cmd_NAME.c with its option table and one `const struct command cmd_NAME`,
 * and one row in commands.c. The parser, help, completion, the man page check and `__options` read
 * the same table.
 */
enum command_group {
	GROUP_CONTAINER,
	GROUP_IMAGE,
	GROUP_HOST,
	GROUP_HIDDEN, /* works, is not listed: for our own programs */
	GROUP_N,
};

/* What all commands share. Nothing is opened before a command asks for it: start must be cheap. */
struct cli {
	const char *program;	       /* "carrel" */
	const char *root;	       /* --root, or NULL */
	bool debug, strict;	       /* --debug, --strict or CARREL_STRICT=1 */
	bool version;		       /* --version */
	const struct command *command; /* the one that runs */
	struct store *store;	       /* cli_store() */
	struct authfiles auth;	       /* root's credentials, for fetch_pull() */
};

struct command {
	const char *name; /* "run", "image inspect" */
	enum command_group group;
	const char *summary;	   /* one line, lower case, no full stop */
	const char *usage;	   /* after the name: "[OPTIONS] IMAGE [COMMAND [ARG...]]" */
	const struct opt *options; /* ends with a row whose name is NULL */
	bool any_caller;	   /* root may run it as root, without a range of ids to become */
	bool asks_registry;	   /* root's credentials file is opened before root is given up */
	/* argv[0] is the last word of the name. Returns the exit status, or -errno with err set. */
	int (*run)(struct cli *cli, int argc, char **argv, struct error *err);
};

/* "image ls" is the same command as "images": help says so in one line. */
struct command_alias {
	const char *name;
	const char *command;
};

enum cli_args_flags {
	CLI_ARGS_STOP = 1 << 0, /* the first operand ends the options */
};

/* Operands of a command: how many it takes. max < 0 = any number. */
struct cli_args {
	int min, max;
	enum cli_args_flags flags;
};

/*
 * What every command does first: parse the options into `fill` and check the number of operands.
 * Returns 1 when help was asked for and printed (the command then ends with status 0), 0, or an
 * error with a hint to --help.
 */
int cli_parse(struct cli *cli, int argc, char **argv, const struct cli_args *want, void *fill,
	      char ***ret_args, size_t *ret_n, struct error *err) _nodiscard_;

/* The table, NULL-terminated. */
const struct command *const *command_table(void);
const struct command_alias *command_alias_table(void); /* ends with a row without name */
/*
 * Find the command that argv[0] (and argv[1], for nouns) name; *ret_used is 1 or 2 words.
 * -ENOENT with a hint.
 */
int command_find(int argc, char **argv, const struct command **ret, int *ret_used,
		 struct error *err) _nodiscard_;

/* "image" and "container": words that commands of two words begin with. */
bool command_is_noun(const char *word);

/* Help texts, 80 columns. */
void command_help(const struct command *c, struct str_buf *out);
void command_help_noun(const char *noun, struct str_buf *out);
void command_help_all(const struct opt *global, struct str_buf *out);

/* Rows of main.c: --root, --debug, ... */
const struct opt *cli_global_options(void);
