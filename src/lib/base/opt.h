/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * Option tables: parser, help, completion and the man page check read the same rows.
 * Long options take "--name value" or "--name=value"; short ones cluster ("-it", "-eA=B").
 */
enum opt_kind {
	OPT_FLAG,    /* bool; --name, --name=true, --name=false */
	OPT_SWITCH,  /* const char *: "true" or "false"; written as a flag, but NULL if not given */
	OPT_STRING,  /* const char *, borrowed from argv; the last one wins */
	OPT_LIST,    /* struct strv, each use appends */
	OPT_CALL,    /* opt_call with the value */
	OPT_REFUSED, /* a known word that this version does not do: `help` is the sentence */
};

typedef int (*opt_call)(const char *value, void *data, struct error *err);

struct opt {
	const char *name; /* long, without dashes; NULL ends the table */
	char letter;	  /* 0 = none */
	enum opt_kind kind;
	size_t offset;	   /* in the struct that opt_parse() fills */
	const char *value; /* name of the value in help: "PATH"; NULL for flags */
	const char *help;  /* one line, lower case; NULL = works but is not listed */
	opt_call call;	   /* OPT_CALL: data is the struct */
	bool takes_value;  /* OPT_REFUSED only */
};

enum opt_parse_flags {
	OPT_STOP_AT_ARG =
		1 << 0, /* the first operand ends the options: `run [OPTIONS] IMAGE ARG...` */
};

/*
 * Parses argv[1..]; operands are left in *ret_args (borrowed, NULL-terminated by argv itself when
 * OPT_STOP_AT_ARG, else a permuted argv). Unknown or incomplete options are errors with exit
 * status 125 and a hint to --help. `--help`/`-h` set *ret_help and stop (where the table has no own
 * row of that letter).
 */
int opt_parse(const struct opt *table, int argc, char **argv, enum opt_parse_flags flags,
	      void *fill, char ***ret_args, bool *ret_help, struct error *err) _nodiscard_;

/* Rows "  -i, --interactive      keep stdin open" in 80 columns. Refused rows are not listed. */
void opt_print_help(const struct opt *table, struct str_buf *out);
