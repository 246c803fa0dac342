/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "runtime/probe.h"
#include "runtime/userns.h"

/*
 * The screen: one line for each group of probes with what was found in it, one for each place, and
 * under them the findings, each with its code, its cause, what is done instead (or what is lost)
 * and the remedy. 24 lines of 80 columns hold it, with three findings: a row of dcode.c has one
 * line for what is done instead, and two for the remedy.
 */
enum {
	DOCTOR_JSON_MAX = 256 << 10,
	LABEL_WIDTH = 11,
	TEXT_WIDTH = 79,
};

/* Exit statuses, API: what the worst finding means. */
enum {
	DOCTOR_FINE = 0,
	DOCTOR_DEGRADED = 1,
	DOCTOR_LOST = 2,
};

struct doctor_options {
	bool json;
};

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, offsetof(struct doctor_options, json), NULL,
	  "print JSON instead of text" },
	{ NULL },
};

static const char *const level_words[] = {
	[PROBE_OK] = "ok",
	[PROBE_SKIPPED] = "skipped",
	[PROBE_DEGRADED] = "degraded",
	[PROBE_LOST] = "lost",
};

static const char *const group_words[PROBE_GROUPS_N] = {
	[PROBE_IDENTITY] = "identity", [PROBE_KERNEL] = "kernel", [PROBE_IMAGES] = "images",
	[PROBE_NETWORK] = "network",   [PROBE_LIMITS] = "limits", [PROBE_PATHS] = "paths",
};

struct report {
	const struct probe *rows;
	size_t n;
	struct probe_result *results; /* one for each */
	char *store;		      /* NULL: none can be named */
	/* Root without a range of its own: nothing below it can be probed as it would be used. */
	struct error root;
};

static int worst_of(const struct report *rep)
{
	int worst = error_is_set(&rep->root) ? DOCTOR_LOST : DOCTOR_FINE;

	for (size_t i = 0; i < rep->n; i++) {
		if (rep->results[i].level == PROBE_LOST)
			return DOCTOR_LOST;
		if (rep->results[i].level == PROBE_DEGRADED && worst < DOCTOR_DEGRADED)
			worst = DOCTOR_DEGRADED;
	}
	return worst;
}

static const char *worst_word(int worst)
{
	static const char *const words[] = { "ok", "degraded", "lost" };

	return words[worst];
}

static const struct probe_result *result_of(const struct report *rep, const char *key)
{
	for (size_t i = 0; i < rep->n; i++)
		if (str_eq(rep->rows[i].key, key))
			return &rep->results[i];
	return NULL;
}

/* A: the full map. B: one id. */
static const char *tier(const struct report *rep)
{
	const struct probe_result *map = result_of(rep, "idmap");
	const struct probe_result *starting = result_of(rep, PROBE_STARTING);

	if (map && map->level == PROBE_OK)
		return "A";
	if (map && map->level == PROBE_DEGRADED)
		return "B";
	return map && map->untried && starting->level == PROBE_LOST ? "unknown" : "none";
}

/* Words from `column` on, wrapped to lines that are indented by `indent`. */
static void print_words(const char *text, size_t column, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (!first && column + 1 + n > TEXT_WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		printf("%s%.*s", first ? "" : " ", (int)n, text);
		column += n + !first;
		first = false;
		text += n + strspn(text + n, " ");
	}
	putchar('\n');
}

/* "  fix:       " and the text behind it. */
static void print_labelled(const char *label, const char *text)
{
	printf("  %-*s", LABEL_WIDTH, label);
	print_words(text, LABEL_WIDTH + 2, LABEL_WIDTH + 2);
}

/* What has no code is no lack of the host: a limit of the caller's, a line of a file. */
static void print_finding(const char *name, const struct probe_result *res)
{
	const struct dcode_row *row = dcode_get(res->dcode);
	const char *fix = *res->fix ? res->fix : (row ? row->fix : NULL);

	name = row ? row->name : name;
	printf("[%s] ", name);
	print_words(res->detail, strlen(name) + 3, 2);
	if (*res->instead)
		print_labelled("instead:", res->instead);
	else if (row)
		print_labelled(row->fallback ? "instead:" : "lost:",
			       row->fallback ? row->fallback : row->lost);
	if (fix)
		print_labelled("fix:", fix);
}

static bool is_finding(const struct probe_result *res)
{
	return res->level == PROBE_LOST || res->level == PROBE_DEGRADED;
}

/* Has a row before this one said the same? */
static bool is_told(const struct report *rep, size_t row)
{
	const struct probe_result *res = &rep->results[row];

	for (size_t i = 0; i < row && res->dcode != DCODE_NONE; i++)
		if (is_finding(&rep->results[i]) && rep->results[i].dcode == res->dcode)
			return true;
	return false;
}

/* Each code once, with its first cause. */
static void print_findings(const struct report *rep)
{
	if (error_is_set(&rep->root)) {
		struct probe_result root = { .level = PROBE_LOST, .dcode = rep->root.dcode };

		(void)snprintf(root.detail, sizeof(root.detail), "%.*s", PROBE_DETAIL_MAX - 1,
			       rep->root.text);
		print_finding(DCODE_BY_CALLER, &root);
	}
	for (size_t i = 0; i < rep->n; i++)
		if (is_finding(&rep->results[i]) && !is_told(rep, i))
			print_finding(rep->rows[i].name, &rep->results[i]);
}

/* "private network lost [D-07]" where something is missing, else what was seen. A place has its
 * name in front already. */
static void add_verdict(struct str_buf *b, const struct report *rep, size_t i)
{
	const struct probe *row = &rep->rows[i];
	const struct probe_result *res = &rep->results[i];
	bool named = row->group == PROBE_PATHS;
	const struct dcode_row *finding = dcode_get(res->dcode);

	if (res->level == PROBE_OK && !(row->flags & PROBE_QUIET) && !res->quiet)
		str_buf_addf(b, "%s%s", b->len ? "; " : "", res->detail);
	/* "id map" says nothing that "subordinate ids" beside it has not. */
	if (!is_finding(res) || ((row->flags & PROBE_QUIET) && is_told(rep, i)))
		return;
	str_buf_addf(b, "%s%s%s%s", b->len ? "; " : "", named ? "" : row->name, named ? "" : " ",
		     level_words[res->level]);
	if (finding)
		str_buf_addf(b, " [%s]", finding->name);
}

static void print_group(const struct report *rep, enum probe_group group)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, DOCTOR_JSON_MAX);
	for (size_t i = 0; i < rep->n; i++)
		if (rep->rows[i].group == group)
			add_verdict(&b, rep, i);
	if (b.len)
		print_labelled(group_words[group], b.s);
}

/* What could not be tried, of what would be told: by name, all of it on one line. */
static void print_skipped(const struct report *rep)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, DOCTOR_JSON_MAX);
	for (size_t i = 0; i < rep->n; i++)
		if (rep->results[i].untried && !(rep->rows[i].flags & PROBE_QUIET) &&
		    rep->results[i].level == PROBE_SKIPPED)
			str_buf_addf(&b, "%s%s", b.len ? ", " : "", rep->rows[i].name);
	if (b.len)
		print_labelled("not tried", b.s);
}

static void print_paths(const struct report *rep)
{
	for (size_t i = 0; i < rep->n; i++) {
		_cleanup_(str_buf_done) struct str_buf b;

		str_buf_init(&b, DOCTOR_JSON_MAX);
		if (rep->rows[i].group == PROBE_PATHS)
			add_verdict(&b, rep, i);
		if (b.len)
			print_labelled(rep->rows[i].name, b.s);
	}
}

static bool has_code(const struct report *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		if (is_finding(&rep->results[i]) && rep->results[i].dcode != DCODE_NONE)
			return true;
	return error_is_set(&rep->root);
}

static bool lacks(const struct report *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		if (rep->results[i].lacks)
			return true;
	return false;
}

static void print_text(const struct report *rep)
{
	int worst = worst_of(rep);

	printf("carrel %s, user id %u, tier %s%s\n", PACKAGE_VERSION, getuid(), tier(rep),
	       has_code(rep) ? "; `carrel doctor D-nn` explains a code" : "");
	for (int g = 0; g < PROBE_PATHS; g++)
		print_group(rep, (enum probe_group)g);
	print_paths(rep);
	print_skipped(rep);
	if (worst == DOCTOR_FINE)
		puts(lacks(rep) ? "Nothing else is missing." : "Nothing is missing.");
	print_findings(rep);
}

/* res: what is truer than the row, or NULL. */
static void json_finding(struct str_buf *b, enum dcode dcode, const struct probe_result *res)
{
	const struct dcode_row *row = dcode_get(dcode);
	const char *fix = res && *res->fix ? res->fix : (row ? row->fix : NULL);
	const char *instead = res && *res->instead ? res->instead : (row ? row->fallback : NULL);

	if (row) {
		output_json_member(b, "code", row->name);
		output_json_member(b, "title", row->title);
		output_json_member(b, "lost", row->lost);
	}
	if (instead)
		output_json_member(b, "fallback", instead);
	if (fix)
		output_json_member(b, "fix", fix);
}

static int print_json(const struct report *rep, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, DOCTOR_JSON_MAX);
	str_buf_addc(&b, '{');
	output_json_member(&b, "version", PACKAGE_VERSION);
	output_json_member(&b, "status", worst_word(worst_of(rep)));
	output_json_member(&b, "tier", tier(rep));
	if (rep->store)
		output_json_member(&b, "store", rep->store);
	str_buf_adds(&b, ",\"probes\":[");
	if (error_is_set(&rep->root)) {
		str_buf_adds(&b, "{");
		output_json_member(&b, "name", DCODE_BY_CALLER);
		output_json_member(&b, "level", "lost");
		output_json_member(&b, "detail", rep->root.text);
		json_finding(&b, rep->root.dcode, NULL);
		str_buf_addc(&b, '}');
	}
	for (size_t i = 0; i < rep->n; i++) {
		const struct probe_result *res = &rep->results[i];

		str_buf_adds(&b, b.s[b.len - 1] == '}' ? ",{" : "{");
		output_json_member(&b, "name", rep->rows[i].key);
		output_json_member(&b, "group", group_words[rep->rows[i].group]);
		output_json_member(&b, "level", level_words[res->level]);
		output_json_member(&b, "detail", res->detail);
		json_finding(&b, res->dcode, res);
		if (*res->facts)
			str_buf_addf(&b, ",\"facts\":{%s}", res->facts);
		str_buf_addc(&b, '}');
	}
	str_buf_adds(&b, "]}");
	if (str_buf_end(&b) < 0)
		return error_code(err, -EFBIG, "make the JSON document");
	puts(b.s);
	return 0;
}

static int print_code_json(const struct dcode_row *row, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, DOCTOR_JSON_MAX);
	str_buf_addc(&b, '{');
	json_finding(&b, row->code, NULL);
	output_json_member(&b, "manual", row->manual);
	str_buf_addc(&b, '}');
	if (str_buf_end(&b) < 0)
		return error_code(err, -EFBIG, "make the JSON document");
	puts(b.s);
	return 0;
}

/* "D-07", "d-7", "7": one row of the table. */
static int explain(const char *word, bool json, struct error *err)
{
	const char *digits = word;
	const struct dcode_row *row;
	uint32_t n = 0;

	if ((word[0] == 'D' || word[0] == 'd') && word[1] == '-')
		digits = word + 2;
	if (num_u32(digits, &n) < 0 || n >= DCODE_MAX || !dcode_get((enum dcode)n)) {
		error_set(err, -EINVAL, "'%s' is no code of the doctor", word);
		error_hint(err,
			   "codes are D-01 to D-%02d, as errors and `carrel doctor` print them",
			   DCODE_MAX - 1);
		return -EINVAL;
	}
	row = dcode_get((enum dcode)n);
	if (json)
		return print_code_json(row, err);
	printf("[%s] %s\n", row->name, row->title);
	printf("  ");
	print_words(row->manual, 2, 2);
	print_labelled("lost:", row->lost);
	if (row->fallback)
		print_labelled("instead:", row->fallback);
	print_labelled("fix:", row->fix);
	return 0;
}

static void examine(struct cli *cli, struct report *rep)
{
	struct probe_host host = { 0 };

	rep->rows = probe_table(&rep->n);
	rep->results = xcalloc(rep->n, sizeof(*rep->results));
	if (geteuid() == 0 && rootcaller_drop(&rep->root) < 0)
		rep->n = 0;
	rep->store = dirs_store(cli->root, NULL); /* the probe of the store says why not */
	host.store = rep->store;
	if (rep->n)
		probe_run_all(&host, rep->results);
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct doctor_options o = { 0 };
	struct report rep = { 0 };
	char **args;
	size_t n;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .max = 1 }, &o, &args, &n, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (n == 1)
		return explain(args[0], o.json, err);
	examine(cli, &rep);
	if (o.json)
		r = print_json(&rep, err);
	else
		print_text(&rep);
	if (r == 0)
		r = worst_of(&rep);
	free(rep.results);
	free(rep.store);
	return r;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.group = GROUP_HOST,
	.summary = "try what this host allows and say what is missing",
	.usage = "[OPTIONS] [D-nn]",
	.options = options,
	.any_caller = true,
	.run = run,
};
