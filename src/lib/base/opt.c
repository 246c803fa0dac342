/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/opt.h"

#include <errno.h>
#include <string.h>

enum {
	HELP_COLUMN = 30,
	HELP_WIDTH = 79,
};

static bool takes_value(const struct opt *o)
{
	return o->kind == OPT_REFUSED ? o->takes_value
				      : o->kind != OPT_FLAG && o->kind != OPT_SWITCH;
}

static int usage(struct error *err)
{
	error_hint(err, "try `--help` after the command");
	return -EINVAL;
}

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, words[i]))
			return true;
	return false;
}

static int set_flag(const struct opt *o, const char *value, bool *field, struct error *err)
{
	/* The spellings that docker's parser takes. */
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	if (!value || is_one_of(value, yes, ARRAY_SIZE(yes)))
		*field = true;
	else if (is_one_of(value, no, ARRAY_SIZE(no)))
		*field = false;
	else
		return error_set(err, -EINVAL, "--%s is true or false, not '%s'", o->name, value);
	return 0;
}

static int apply(const struct opt *o, const char *value, void *fill, struct error *err)
{
	char *field = (char *)fill + o->offset;
	bool on;
	int r;

	switch (o->kind) {
	case OPT_FLAG:
		return set_flag(o, value, (bool *)field, err);
	case OPT_SWITCH:
		r = set_flag(o, value, &on, err);
		if (r == 0)
			*(const char **)field = on ? "true" : "false";
		return r;
	case OPT_STRING:
		*(const char **)field = value;
		return 0;
	case OPT_LIST:
		strv_add((struct strv *)field, value);
		return 0;
	case OPT_CALL:
		r = o->call(value, fill, err);
		if (r < 0)
			error_prefix(err, "--%s", o->name);
		return r;
	case OPT_REFUSED:
		error_set(err, -EOPNOTSUPP, "--%s is not supported by this version", o->name);
		error_hint(err, "%s", o->help);
		return -EOPNOTSUPP;
	}
	return -EINVAL;
}

static int parse_long(const struct opt *table, char *arg, char **next, void *fill, bool *ret_help,
		      struct error *err)
{
	size_t n = strcspn(arg, "=");
	const char *value = arg[n] ? arg + n + 1 : NULL;

	for (const struct opt *o = table; o->name; o++) {
		int r;

		if (strlen(o->name) != n || strncmp(o->name, arg, n) != 0)
			continue;
		if (!takes_value(o) || value)
			return apply(o, value, fill, err);
		if (!*next) {
			error_set(err, -EINVAL, "--%s needs a value", o->name);
			return usage(err);
		}
		r = apply(o, *next, fill, err);
		return r < 0 ? r : 1;
	}
	if (n == 4 && str_starts(arg, "help"))
		return set_flag(&(struct opt){ .name = "help" }, value, ret_help, err);
	error_set(err, -EINVAL, "unknown option --%.*s", (int)n, arg);
	return usage(err);
}

static int parse_short(const struct opt *table, const char *arg, char **next, void *fill,
		       bool *ret_help, struct error *err)
{
	for (; *arg; arg++) {
		const struct opt *o = table;
		int r;

		while (o->name && o->letter != *arg)
			o++;
		if (!o->name && *arg == 'h') {
			*ret_help = true;
			return 0;
		}
		if (!o->name) {
			error_set(err, -EINVAL, "unknown option -%c", *arg);
			return usage(err);
		}
		if (!takes_value(o)) {
			const char *eq = arg[1] == '=' ? arg + 2 : NULL;

			r = apply(o, eq, fill, err);
			if (r < 0 || eq)
				return r;
			continue;
		}
		if (arg[1])
			return apply(o, arg + 1 + (arg[1] == '='), fill, err);
		if (!*next) {
			error_set(err, -EINVAL, "-%c needs a value", *arg);
			return usage(err);
		}
		r = apply(o, *next, fill, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

int opt_parse(const struct opt *table, int argc, char **argv, enum opt_parse_flags flags,
	      void *fill, char ***ret_args, bool *ret_help, struct error *err)
{
	int i, n_args = 0;

	*ret_help = false;
	for (i = 1; i < argc && !*ret_help; i++) {
		char *arg = argv[i];
		int r;

		if (arg[0] != '-' || !arg[1]) {
			if (flags & OPT_STOP_AT_ARG)
				break;
			argv[1 + n_args++] = arg; /* operands gather at the front */
			continue;
		}
		if (str_eq(arg, "--")) {
			i++;
			break;
		}
		r = arg[1] == '-' ? parse_long(table, arg + 2, &argv[i + 1], fill, ret_help, err)
				  : parse_short(table, arg + 1, &argv[i + 1], fill, ret_help, err);
		if (r < 0)
			return r;
		i += r;
	}
	while (i < argc)
		argv[1 + n_args++] = argv[i++];
	argv[1 + n_args] = NULL;
	*ret_args = argv + 1;
	return 0;
}

/* Words wrapped into the right column. */
static void add_wrapped(struct str_buf *out, const char *text)
{
	size_t column = HELP_COLUMN;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column + n > HELP_WIDTH && column > HELP_COLUMN) {
			str_buf_addf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		}
		str_buf_add(out, text, n);
		column += n + 1;
		text += n;
		while (*text == ' ')
			text++;
		if (*text && column + strcspn(text, " ") <= HELP_WIDTH)
			str_buf_addc(out, ' ');
	}
	str_buf_addc(out, '\n');
}

void opt_print_help(const struct opt *table, struct str_buf *out)
{
	for (const struct opt *o = table; o->name; o++) {
		size_t start = out->len;

		if (o->kind == OPT_REFUSED || !o->help)
			continue;
		if (o->letter)
			str_buf_addf(out, "  -%c, --%s", o->letter, o->name);
		else
			str_buf_addf(out, "      --%s", o->name);
		if (o->value)
			str_buf_addf(out, " %s", o->value);
		if (out->len - start + 1 > HELP_COLUMN)
			str_buf_addf(out, "\n%*s", HELP_COLUMN, "");
		else
			str_buf_addf(out, "%*s", (int)(HELP_COLUMN - (out->len - start)), "");
		add_wrapped(out, o->help);
	}
}
