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

enum {
	DOCTOR_ROWS_MAX = 32,
	DOCTOR_JSON_MAX = 64 << 10,
	NAME_WIDTH = 18,
	TEXT_COLUMN = 9,
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

struct report {
	const struct probe *rows;
	size_t n;
	struct probe_result results[DOCTOR_ROWS_MAX];
	char *store;
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

/* Tier A, the only one of this version: the full map. */
static const char *tier(const struct report *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		if (str_eq(rep->rows[i].key, "idmap") && rep->results[i].level == PROBE_OK)
			return "A";
	return NULL;
}

/* "  fix:   " and the text behind it, wrapped. */
static void print_wrapped(const char *label, const char *text)
{
	size_t column = TEXT_COLUMN + 2;

	printf("  %-*s", TEXT_COLUMN, label);
	while (*text) {
		size_t n = strcspn(text, " ");

		if (column + n > TEXT_WIDTH && column > TEXT_COLUMN + 2) {
			printf("\n%*s", TEXT_COLUMN + 2, "");
			column = TEXT_COLUMN + 2;
		}
		printf("%.*s", (int)n, text);
		column += n + 1;
		text += n + strspn(text + n, " ");
		if (*text && column + strcspn(text, " ") <= TEXT_WIDTH)
			putchar(' ');
	}
	putchar('\n');
}

static void print_row(enum dcode dcode, const char *cause)
{
	const struct dcode_row *row = dcode_get(dcode);

	if (row)
		printf("\n[%s] %s\n", row->name, row->title);
	else
		printf("\n[no code] %s\n", "an unexpected failure");
	if (cause)
		print_wrapped("cause:", cause);
	if (row) {
		print_wrapped("lost:", row->lost);
		if (row->fallback)
			print_wrapped("instead:", row->fallback);
		print_wrapped("fix:", row->fix);
	}
}

/* Each code once, with its first cause. */
static void print_findings(const struct report *rep)
{
	bool seen[DCODE_MAX] = { false };

	if (error_is_set(&rep->root))
		print_row(rep->root.dcode, rep->root.text);
	for (size_t i = 0; i < rep->n; i++) {
		const struct probe_result *res = &rep->results[i];

		if (res->level != PROBE_LOST && res->level != PROBE_DEGRADED)
			continue;
		if (res->dcode != DCODE_NONE && seen[res->dcode])
			continue;
		seen[res->dcode] = true;
		print_row(res->dcode, res->detail);
	}
}

static void print_text(const struct report *rep)
{
	printf("carrel %s, user id %u, tier %s\n\n", PACKAGE_VERSION, getuid(),
	       tier(rep) ? tier(rep) : "none");
	for (size_t i = 0; i < rep->n; i++) {
		const struct probe_result *res = &rep->results[i];
		const struct dcode_row *row = dcode_get(res->dcode);
		bool good = res->level == PROBE_OK || res->level == PROBE_SKIPPED;

		printf("  %-9s %-*s ", level_words[res->level], NAME_WIDTH, rep->rows[i].name);
		if (good)
			printf("%s\n", res->detail);
		else
			printf("%s%s%s\n", row ? "[" : "", row ? row->name : "?", row ? "]" : "");
	}
	print_findings(rep);
	if (worst_of(rep) == DOCTOR_FINE)
		printf("\nNothing is missing.\n");
}

static void json_finding(struct str_buf *b, enum dcode dcode)
{
	const struct dcode_row *row = dcode_get(dcode);

	if (!row)
		return;
	output_json_member(b, "code", row->name);
	output_json_member(b, "title", row->title);
	output_json_member(b, "lost", row->lost);
	output_json_member(b, "fix", row->fix);
}

static int print_json(const struct report *rep, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, DOCTOR_JSON_MAX);
	str_buf_addc(&b, '{');
	output_json_member(&b, "version", PACKAGE_VERSION);
	output_json_member(&b, "status", worst_word(worst_of(rep)));
	output_json_member(&b, "tier", tier(rep) ? tier(rep) : "none");
	output_json_member(&b, "store", rep->store);
	str_buf_adds(&b, ",\"probes\":[");
	if (error_is_set(&rep->root)) {
		str_buf_adds(&b, "{");
		output_json_member(&b, "name", "caller");
		output_json_member(&b, "level", "lost");
		output_json_member(&b, "detail", rep->root.text);
		json_finding(&b, rep->root.dcode);
		str_buf_addc(&b, '}');
	}
	for (size_t i = 0; i < rep->n; i++) {
		const struct probe_result *res = &rep->results[i];

		str_buf_adds(&b, b.s[b.len - 1] == '}' ? ",{" : "{");
		output_json_member(&b, "name", rep->rows[i].key);
		output_json_member(&b, "level", level_words[res->level]);
		output_json_member(&b, "detail", res->detail);
		json_finding(&b, res->dcode);
		str_buf_addc(&b, '}');
	}
	str_buf_adds(&b, "]}");
	if (str_buf_end(&b) < 0)
		return error_code(err, -EFBIG, "make the JSON document");
	puts(b.s);
	return 0;
}

/* "D-07", "d-7", "7": one row of the table. */
static int explain(const char *word, struct error *err)
{
	const char *digits = word;
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
	const struct dcode_row *row = dcode_get((enum dcode)n);

	printf("[%s] %s\n", row->name, row->title);
	print_wrapped("cause:", row->manual);
	print_wrapped("lost:", row->lost);
	if (row->fallback)
		print_wrapped("instead:", row->fallback);
	print_wrapped("fix:", row->fix);
	return 0;
}

static int examine(struct cli *cli, struct report *rep, struct error *err)
{
	struct probe_host host = { 0 };

	rep->rows = probe_table(&rep->n);
	if (rep->n > ARRAY_SIZE(rep->results))
		return error_set(err, -E2BIG, "too many probes");
	if (geteuid() == 0 && rootcaller_drop(&rep->root) < 0)
		rep->n = 0;
	rep->store = dirs_store(cli->root, err);
	if (!rep->store)
		return err->code ? err->code : -ENOENT;
	host.store = rep->store;
	if (rep->n)
		probe_run_all(&host, rep->results);
	return 0;
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
		return explain(args[0], err);
	r = examine(cli, &rep, err);
	if (r == 0 && o.json)
		r = print_json(&rep, err);
	else if (r == 0)
		print_text(&rep);
	free(rep.store);
	return r < 0 ? r : worst_of(&rep);
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
