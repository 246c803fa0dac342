/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "oci/reference.h"
#include "storage/container.h"
#include "storage/image.h"

/*
 * `carrel __complete WORD...`: what may stand for the last word, for the completion scripts of all
 * shells. The words are those of the line, without the program. One candidate in a line, a tab and
 * a description behind it where there is one; ":files" alone: a file name belongs there. From the
 * option tables, the list of commands and the store.
 */
static const struct opt options[] = {
	{ NULL },
};

enum operand {
	OPERAND_IMAGE = 1 << 0,
	OPERAND_CONTAINER = 1 << 1,
	OPERAND_CODE = 1 << 2,
	OPERAND_COMMAND = 1 << 3,
	OPERAND_THEN_FILES = 1 << 4, /* the first one is what is said here, others are a command */
};

static const struct {
	const char *command;
	unsigned operands;
} takes[] = {
	{ "run", OPERAND_IMAGE | OPERAND_THEN_FILES },
	{ "exec", OPERAND_CONTAINER | OPERAND_THEN_FILES },
	{ "attach", OPERAND_CONTAINER },
	{ "container inspect", OPERAND_CONTAINER },
	{ "doctor", OPERAND_CODE },
	{ "explain", OPERAND_CONTAINER },
	{ "help", OPERAND_COMMAND },
	{ "image inspect", OPERAND_IMAGE },
	{ "inspect", OPERAND_CONTAINER | OPERAND_IMAGE },
	{ "kill", OPERAND_CONTAINER },
	{ "logs", OPERAND_CONTAINER },
	{ "pause", OPERAND_CONTAINER },
	{ "pull", OPERAND_IMAGE },
	{ "rm", OPERAND_CONTAINER },
	{ "rmi", OPERAND_IMAGE },
	{ "start", OPERAND_CONTAINER },
	{ "stats", OPERAND_CONTAINER },
	{ "stop", OPERAND_CONTAINER },
	{ "tag", OPERAND_IMAGE },
	{ "unpause", OPERAND_CONTAINER },
	{ "update", OPERAND_CONTAINER },
	{ "wait", OPERAND_CONTAINER },
};

/* By the name that help gives the value; "a|b" there speaks for itself. */
static const struct {
	const char *value, *words;
} values[] = {
	{ "MODE", "private|none|host" },
	{ "WHEN", "missing|always|never" },
	{ "BOOL", "true|false" },
	{ "PATH", ":files" },
	{ "FILE", ":files" },
	{ "SRC:DST[:ro]", ":files" },
};

struct line {
	const struct command *command;
	const struct opt *wants_value; /* the word before the last is an option that wants one */
	const char *noun;	       /* "image", where its second word comes next */
	unsigned operands;
	bool options_end;
	const char *word; /* the last one */
};

static void offer(const struct line *l, const char *word, const char *about)
{
	if (!str_starts(word, l->word))
		return;
	printf("%s%s%s\n", word, about ? "\t" : "", about ? about : "");
}

static const struct command *find_command(const char *name)
{
	for (const struct command *const *c = command_table(); *c; c++)
		if (str_eq((*c)->name, name))
			return *c;
	for (const struct command_alias *a = command_alias_table(); a->name; a++)
		if (str_eq(a->name, name))
			return find_command(a->command);
	return NULL;
}

/* --- the words before the last --- */

static bool is_letter(const struct opt *o, const char *word)
{
	return o->letter && word[0] == '-' && word[1] != '-' && word[strlen(word) - 1] == o->letter;
}

/* The row of an option that takes the next word. */
static const struct opt *wants_value(const struct opt *table, const char *word)
{
	for (const struct opt *o = table; o && o->name; o++) {
		if (o->kind == OPT_FLAG || (o->kind == OPT_REFUSED && !o->takes_value))
			continue;
		if ((str_starts(word, "--") && str_eq(word + 2, o->name)) || is_letter(o, word))
			return o;
	}
	return NULL;
}

static void read_operand(struct line *l, const char *word)
{
	char two[64];

	if (l->command) {
		l->operands++;
	} else if (l->noun) {
		if (str_print(two, sizeof(two), "%s %s", l->noun, word) == 0)
			l->command = find_command(two);
	} else {
		l->command = find_command(word);
		if (!l->command)
			l->noun = word;
	}
}

static void read_line(struct cli *cli, struct line *l, char **words, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		const struct opt *table = l->command ? l->command->options : cli_global_options();
		bool stops = l->operands && l->command &&
			     (str_eq(l->command->name, "run") || str_eq(l->command->name, "exec"));

		if (str_eq(words[i], "--"))
			l->options_end = true;
		if (l->options_end || stops || words[i][0] != '-') {
			read_operand(l, words[i]);
			continue;
		}
		l->wants_value = wants_value(table, words[i]);
		if (l->wants_value && i + 2 < n) {
			i++;
			if (!l->command && str_eq(l->wants_value->name, "root"))
				cli->root = words[i];
			l->wants_value = NULL;
		}
	}
}

/* --- candidates --- */

static void offer_words(const struct line *l, const char *words)
{
	while (*words) {
		_cleanup_(freep) char *one = xstrndup(words, strcspn(words, "|"));

		offer(l, one, NULL);
		words += strlen(one);
		words += *words == '|';
	}
}

static void offer_values(const struct line *l)
{
	const char *value = l->wants_value->value ? l->wants_value->value : "";

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (!str_eq(values[i].value, value))
			continue;
		if (str_eq(values[i].words, ":files"))
			puts(values[i].words);
		else
			offer_words(l, values[i].words);
		return;
	}
	if (strchr(value, '|'))
		offer_words(l, value);
}

static void offer_options(const struct line *l)
{
	const struct opt *table = l->command ? l->command->options : cli_global_options();

	for (const struct opt *o = table; o->name; o++) {
		char word[64];

		if (!o->help || o->kind == OPT_REFUSED)
			continue;
		if (str_print(word, sizeof(word), "--%s", o->name) == 0)
			offer(l, word, o->help);
		(void)snprintf(word, sizeof(word), "-%c", o->letter);
		if (o->letter && !str_starts(l->word, "--"))
			offer(l, word, o->help);
	}
	offer(l, "--help", "print help");
}

/* After "image " of "image ls" comes "ls". */
static void offer_name(const struct line *l, const char *name, const char *about)
{
	size_t n = l->noun ? strlen(l->noun) : 0;

	if (!l->noun && !strchr(name, ' '))
		offer(l, name, about);
	else if (l->noun && str_starts(name, l->noun) && name[n] == ' ')
		offer(l, name + n + 1, about);
}

static void offer_commands(const struct line *l)
{
	for (const struct command *const *c = command_table(); *c; c++)
		if ((*c)->group != GROUP_HIDDEN)
			offer_name(l, (*c)->name, (*c)->summary);
	for (const struct command_alias *a = command_alias_table(); a->name; a++)
		offer_name(l, a->name, NULL);
	if (!l->noun) {
		offer(l, "container", "commands on containers");
		offer(l, "image", "commands on images");
	}
}

static void offer_images(const struct line *l, struct store *s)
{
	struct image *list = NULL;
	size_t n = 0;

	if (!s || image_list(s, &list, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].names.n; k++) {
			char name[REFERENCE_STR_MAX];
			struct reference r;

			if (reference_parse(list[i].names.v[k], &r, NULL) == 0)
				offer(l, reference_familiar(&r, name), NULL);
		}
	}
	image_list_done(list, n);
}

static void offer_containers(const struct line *l, struct store *s)
{
	struct container *list = NULL;
	size_t n = 0;

	if (!s || container_list(s, &list, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		offer(l, list[i].name, NULL);
	container_list_done(list, n);
}

static void offer_operands(struct cli *cli, const struct line *l)
{
	struct store *s = NULL;
	unsigned what = 0;

	for (size_t i = 0; i < ARRAY_SIZE(takes); i++)
		if (str_eq(takes[i].command, l->command->name))
			what = takes[i].operands;
	if ((what & OPERAND_THEN_FILES) && l->operands) {
		puts(":files");
		return;
	}
	if ((what & (OPERAND_IMAGE | OPERAND_CONTAINER)) &&
	    cli_store(cli, STORE_READONLY, &s, NULL) < 0)
		s = NULL;
	if (what & OPERAND_IMAGE) {
		offer_images(l, s);
		offer(l, "hello", NULL); /* it is in the program */
	}
	if (what & OPERAND_CONTAINER)
		offer_containers(l, s);
	if (what & OPERAND_COMMAND)
		offer_commands(&(struct line){ .word = l->word });
	for (int i = DCODE_NONE + 1; (what & OPERAND_CODE) && i < DCODE_MAX; i++)
		offer(l, dcode_get((enum dcode)i)->name, dcode_get((enum dcode)i)->title);
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct line l = { .word = argc > 1 ? argv[argc - 1] : "" };

	(void)err;
	read_line(cli, &l, argv + 1, argc > 1 ? (size_t)argc - 1 : 0);
	if (l.wants_value)
		offer_values(&l);
	else if (l.word[0] == '-' && !l.options_end)
		offer_options(&l);
	else if (!l.command)
		offer_commands(&l);
	else
		offer_operands(cli, &l);
	return 0;
}

const struct command cmd_complete = {
	.name = "__complete",
	.group = GROUP_HIDDEN,
	.summary = "print what may stand for the last word",
	.usage = "WORD...",
	.options = options,
	.run = run,
};
