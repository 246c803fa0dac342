/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "oci/reference.h"
#include "runtime/ctr.h"
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
	OPERAND_RUNNING = 1 << 1, /* containers, by what they do */
	OPERAND_PAUSED = 1 << 2,
	OPERAND_ENDED = 1 << 3,
	OPERAND_CONTAINER = OPERAND_RUNNING | OPERAND_PAUSED | OPERAND_ENDED,
	OPERAND_ALIVE = OPERAND_RUNNING | OPERAND_PAUSED,
	OPERAND_CODE = 1 << 4,
	OPERAND_COMMAND = 1 << 5,
	OPERAND_THEN_FILES = 1 << 6, /* the first one is what is said here, others are a command */
};

static const struct {
	const char *command;
	unsigned operands;
} takes[] = {
	{ "run", OPERAND_IMAGE | OPERAND_THEN_FILES },
	{ "exec", OPERAND_RUNNING | OPERAND_THEN_FILES },
	{ "attach", OPERAND_RUNNING },
	{ "container inspect", OPERAND_CONTAINER },
	{ "doctor", OPERAND_CODE },
	{ "explain", OPERAND_CONTAINER },
	{ "help", OPERAND_COMMAND },
	{ "image inspect", OPERAND_IMAGE },
	{ "inspect", OPERAND_CONTAINER | OPERAND_IMAGE },
	{ "kill", OPERAND_ALIVE },
	{ "logs", OPERAND_CONTAINER },
	{ "pause", OPERAND_RUNNING },
	{ "pull", OPERAND_IMAGE },
	{ "rm", OPERAND_CONTAINER },
	{ "rmi", OPERAND_IMAGE },
	{ "start", OPERAND_ENDED },
	{ "stats", OPERAND_ALIVE },
	{ "stop", OPERAND_ALIVE },
	{ "tag", OPERAND_IMAGE },
	{ "unpause", OPERAND_PAUSED },
	{ "update", OPERAND_CONTAINER },
	{ "wait", OPERAND_CONTAINER },
};

/* By the name that help gives the value, where need be of one command; "a|b" there speaks for
 * itself. */
static const struct {
	const char *value, *command, *words;
} values[] = {
	{ "MODE", NULL, "private|none|host" },
	{ "WHEN", NULL, "missing|always|never" },
	{ "BOOL", NULL, "true|false" },
	{ "PATH", NULL, ":files" },
	{ "FILE", NULL, ":files" },
	{ "SRC:DST[:ro]", NULL, ":files" },
	{ "CAP", NULL, ":capabilities" },
	{ "SIGNAL", NULL, ":signals" },
	{ "OPTION", NULL, "no-new-privileges|seccomp=unconfined|real-ids" },
	{ "OS/ARCH", NULL, "linux/amd64|linux/arm64" },
	{ "OS/ARCH[/VARIANT]", NULL, "linux/amd64|linux/arm64" },
	{ "KEY=VALUE", "ps",
	  "status=created|status=running|status=paused|status=exited|name=|ancestor=|label=|id=|"
	  "exited=" },
	{ "KEY=VALUE", "images", "dangling=true|dangling=false|reference=" },
};

struct line {
	const struct command *command;
	const struct opt *wants_value; /* the option whose value the last word is */
	size_t head;		       /* of the last word, before the value: "--network=" */
	const char *noun;	       /* "image", where its second word comes next */
	unsigned operands;
	bool options_end, in_command; /* after --, after the image of run */
	const char *word;	      /* the last one */
};

static void offer(const struct line *l, const char *word, const char *about)
{
	if (!str_starts(word, l->word + l->head))
		return;
	printf("%.*s%s%s%s\n", (int)l->head, l->word, word, about ? "\t" : "", about ? about : "");
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

static bool takes_value(const struct opt *o)
{
	return o->kind == OPT_REFUSED ? o->takes_value
				      : o->kind != OPT_FLAG && o->kind != OPT_SWITCH;
}

/* The row of an option that takes a value, in `word` from *ret_head on, or the next word (0). */
static const struct opt *find_long(const struct opt *table, const char *word, size_t *ret_head)
{
	size_t n = strcspn(word + 2, "=");

	for (const struct opt *o = table; o->name; o++) {
		if (strlen(o->name) != n || strncmp(o->name, word + 2, n) != 0 || !takes_value(o))
			continue;
		*ret_head = word[2 + n] ? 2 + n + 1 : 0;
		return o;
	}
	return NULL;
}

static const struct opt *find_value(const struct opt *table, const char *word, size_t *ret_head)
{
	*ret_head = 0;
	if (str_starts(word, "--"))
		return find_long(table, word, ret_head);
	for (const char *p = word + 1; *p; p++) {
		const struct opt *o = table;

		while (o->name && o->letter != *p)
			o++;
		if (!o->name)
			return NULL;
		if (!takes_value(o))
			continue;
		*ret_head = p[1] ? (size_t)(p + 1 - word) + (p[1] == '=') : 0;
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

static bool is_in_command(const struct line *l)
{
	return l->operands && l->command &&
	       (str_eq(l->command->name, "run") || str_eq(l->command->name, "exec"));
}

static void read_option(struct cli *cli, struct line *l, char **words, size_t n, size_t *i)
{
	const struct opt *table = l->command ? l->command->options : cli_global_options(), *o;
	size_t head;

	o = find_value(table, words[*i], &head);
	if (!o || (!head && *i + 2 >= n)) {
		l->wants_value = o;
		return;
	}
	if (!head)
		++*i;
	if (!l->command && str_eq(o->name, "root"))
		cli->root = words[*i] + head;
}

static void read_line(struct cli *cli, struct line *l, char **words, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		if (l->options_end || is_in_command(l) || words[i][0] != '-' || !words[i][1])
			read_operand(l, words[i]);
		else if (str_eq(words[i], "--"))
			l->options_end = true;
		else
			read_option(cli, l, words, n, &i);
	}
	l->in_command = is_in_command(l);
	if (!l->wants_value && !l->options_end && !l->in_command && l->word[0] == '-') {
		l->wants_value = find_value(l->command ? l->command->options : cli_global_options(),
					    l->word, &l->head);
		if (!l->head)
			l->wants_value = NULL; /* still the option itself */
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

static void offer_capabilities(const struct line *l)
{
	const char *name;

	offer(l, "ALL", NULL);
	for (unsigned i = 0; (name = caps_name(i)); i++)
		offer(l, name, NULL);
}

static void offer_signals(const struct line *l)
{
	const char *name;

	for (int i = 1; i < SIGRTMIN; i++) {
		name = sigabbrev_np(i);
		if (name)
			offer(l, name, NULL);
	}
}

static const char *words_of(const struct line *l, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (str_eq(values[i].value, value) &&
		    (!values[i].command ||
		     (l->command && str_eq(values[i].command, l->command->name))))
			return values[i].words;
	return islower((unsigned char)*value) ? value : "";
}

static void offer_values(const struct line *l)
{
	const char *words = words_of(l, l->wants_value->value ? l->wants_value->value : "");

	if (str_eq(words, ":files"))
		puts(words);
	else if (str_eq(words, ":capabilities"))
		offer_capabilities(l);
	else if (str_eq(words, ":signals"))
		offer_signals(l);
	else
		offer_words(l, words);
}

static void offer_options(const struct line *l)
{
	const struct opt *table = l->command ? l->command->options : cli_global_options();

	for (const struct opt *o = table; o->name && (l->command || !l->noun); o++) {
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

static enum operand kind_of(const struct container *c)
{
	if (c->state.status != CONTAINER_RUNNING)
		return OPERAND_ENDED;
	return c->paused ? OPERAND_PAUSED : OPERAND_RUNNING;
}

static void offer_containers(const struct line *l, struct store *s, unsigned what)
{
	struct container *list = NULL;
	size_t n = 0;

	if (!s || container_list(s, &list, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (what & kind_of(&list[i]))
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
		offer_containers(l, s, what);
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
	else if (l.word[0] == '-' && !l.options_end && !l.in_command)
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
