/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/output.h"
#include "oci/reference.h"
#include "storage/image.h"

enum {
	COMMAND_WIDTH = 20,
	REGEX_MAX = 255, /* a name has no more */
	STATUS_MAX = 96,
};

struct ps_options {
	bool all, quiet, no_trunc;
	const char *format;
	struct strv filter;
};

#define O(field) offsetof(struct ps_options, field)

static const struct opt options[] = {
	{ "all", 'a', OPT_FLAG, O(all), NULL, "those that do not run, too" },
	{ "quiet", 'q', OPT_FLAG, O(quiet), NULL, "print ids only" },
	{ "no-trunc", 0, OPT_FLAG, O(no_trunc), NULL, "do not shorten ids and commands" },
	{ "filter", 'f', OPT_LIST, O(filter), "KEY=VALUE",
	  "only those with id, name, label, status, exited or ancestor" },
	{ "format", 0, OPT_STRING, O(format), "table|json", "how to print the list" },
	{ NULL },
};

/* One row: the record may be unreadable, the container is listed all the same. */
struct row {
	struct container *c;
	struct ctrconf rec;
};

struct filter;

/* One --filter, made ready. */
struct wanted {
	const struct filter *filter;
	const char *value;
	bool has_regex;
	regex_t regex;			   /* of name */
	char reference[REFERENCE_STR_MAX]; /* of ancestor: with all that was left out, or "" */
	char image_id[DIGEST_STR_MAX];	   /* of ancestor: of the image of that name, or "" */
};

static bool match_id(const struct row *row, const struct wanted *w)
{
	return str_starts(row->c->id, w->value);
}

/* As docker: with the slash that `inspect` shows, or without. */
static bool match_name(const struct row *row, const struct wanted *w)
{
	char with[1 + sizeof(row->c->name)];

	(void)snprintf(with, sizeof(with), "/%s", row->c->name);
	return regexec(&w->regex, with + 1, 0, NULL, 0) == 0 ||
	       regexec(&w->regex, with, 0, NULL, 0) == 0;
}

static bool match_label(const struct row *row, const struct wanted *w)
{
	const char *v = w->value;
	size_t n = strlen(v);

	for (size_t i = 0; i < row->rec.labels.n; i++) {
		const char *label = row->rec.labels.v[i];

		if (str_eq(label, v) ||
		    (!strchr(v, '=') && str_starts(label, v) && label[n] == '='))
			return true;
	}
	return false;
}

static bool match_status(const struct row *row, const struct wanted *w)
{
	return str_eq(ctrcmd_status(row->c), w->value);
}

static bool match_exited(const struct row *row, const struct wanted *w)
{
	uint32_t n;

	return num_u32(w->value, &n) == 0 && row->c->state.status == CONTAINER_EXITED &&
	       row->c->state.exit_code == (int)n;
}

static bool is_same_reference(const char *image, const char *want)
{
	char full[REFERENCE_STR_MAX];
	struct reference r;

	return *want && reference_parse(image, &r, NULL) == 0 &&
	       str_eq(reference_format(&r, full), want);
}

/* The same image, by whatever name; or the same name, whatever it leads to by now. */
static bool match_ancestor(const struct row *row, const struct wanted *w)
{
	const char *id = row->rec.image_id ? row->rec.image_id : "", *v = w->value;

	if (*w->image_id && str_eq(id, w->image_id))
		return true;
	if (row->rec.image &&
	    (str_eq(row->rec.image, v) || is_same_reference(row->rec.image, w->reference)))
		return true;
	return strlen(v) >= 4 &&
	       (str_starts(id, v) || (str_starts(id, "sha256:") && str_starts(id + 7, v)));
}

struct filter {
	const char *key;
	bool shows_all; /* asks for those that do not run, like -a */
	bool (*match)(const struct row *row, const struct wanted *w);
	bool (*takes)(struct wanted *w);
	const char *hint; /* where it does not */
};

static bool takes_any(struct wanted *w _unused_)
{
	return true;
}

static bool takes_regex(struct wanted *w)
{
	w->has_regex = strlen(w->value) <= REGEX_MAX &&
		       regcomp(&w->regex, w->value, REG_EXTENDED | REG_NOSUB) == 0;
	return w->has_regex;
}

static bool takes_image(struct wanted *w)
{
	struct reference r;

	if (reference_parse(w->value, &r, NULL) == 0)
		(void)reference_format(&r, w->reference);
	return true;
}

/* docker's words: those of states that no container of this version is in match none. */
static bool takes_status(struct wanted *w)
{
	static const char *const words[] = { "created",	   "running",  "paused", "exited",
					     "restarting", "removing", "dead" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(w->value, words[i]))
			return true;
	return false;
}

static bool takes_number(struct wanted *w)
{
	uint32_t n;

	return num_u32(w->value, &n) == 0;
}

static const struct filter filters[] = {
	{ "id", false, match_id, takes_any, NULL },
	{ "name", false, match_name, takes_regex,
	  "a part of the name, or an extended regular expression" },
	{ "label", false, match_label, takes_any, NULL },
	{ "status", true, match_status, takes_status, "created, running, paused or exited" },
	{ "exited", true, match_exited, takes_number, "an exit status, 0 to 255" },
	{ "ancestor", false, match_ancestor, takes_image, NULL },
};

static const struct filter *find_filter(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		if (strlen(filters[i].key) == n && strncmp(filters[i].key, s, n) == 0)
			return &filters[i];
	return NULL;
}

struct ps {
	struct ps_options o;
	struct wanted *wanted; /* as many as filters */
	bool json;
	struct table table;
	struct str_buf text;
};

static int check_filter(struct ps *ps, size_t i, struct error *err)
{
	const char *s = ps->o.filter.v[i];
	struct wanted *w = &ps->wanted[i];
	size_t n = strcspn(s, "=");
	const struct filter *f = find_filter(s, n);

	if (!f || !s[n]) {
		error_set(err, -EINVAL, "--filter: '%s' is not known", s);
		error_hint(err, "KEY=VALUE with id, name, label, status, exited or "
				"ancestor");
		return -EINVAL;
	}
	w->filter = f;
	w->value = s + n + 1;
	if (!f->takes(w)) {
		error_set(err, -EINVAL, "--filter %s: '%s' is not valid", f->key, w->value);
		error_hint(err, "%s", f->hint);
		return -EINVAL;
	}
	ps->o.all = ps->o.all || f->shows_all;
	return 0;
}

static int check_filters(struct ps *ps, struct error *err)
{
	int r = 0;

	ps->wanted = xcalloc(ps->o.filter.n, sizeof(*ps->wanted));
	for (size_t i = 0; i < ps->o.filter.n && r == 0; i++)
		r = check_filter(ps, i, err);
	return r;
}

static void done_filters(struct ps *ps)
{
	for (size_t i = 0; ps->wanted && i < ps->o.filter.n; i++)
		if (ps->wanted[i].has_regex)
			regfree(&ps->wanted[i].regex);
	free(ps->wanted);
	strv_done(&ps->o.filter);
}

static void find_images(struct ps *ps, struct store *s)
{
	for (size_t i = 0; i < ps->o.filter.n; i++) {
		struct wanted *w = &ps->wanted[i];
		struct image image;

		if (w->filter->match != match_ancestor || image_find(s, w->value, &image, NULL) < 0)
			continue;
		(void)digest_format(&image.config, w->image_id);
		image_done(&image);
	}
}

/* docker's rule: values of one key are alternatives, different keys must all match. */
static bool is_shown(const struct ps *ps, const struct row *row)
{
	if (!ps->o.all && row->c->state.status != CONTAINER_RUNNING)
		return false;
	for (size_t k = 0; k < ARRAY_SIZE(filters); k++) {
		bool asked = false, found = false;

		for (size_t i = 0; i < ps->o.filter.n; i++) {
			const struct wanted *w = &ps->wanted[i];

			if (w->filter != &filters[k])
				continue;
			asked = true;
			/* labels are all needed, also several of them */
			if (filters[k].match(row, w))
				found = true;
			else if (str_eq(filters[k].key, "label"))
				return false;
		}
		if (asked && !found)
			return false;
	}
	return true;
}

static long age_of(const char *when)
{
	struct timespec t, now;

	if (timefmt_parse(when, &t) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return 0;
	return now.tv_sec > t.tv_sec ? (long)(now.tv_sec - t.tv_sec) : 0;
}

static void format_status(const struct container *c, char buf[STATUS_MAX])
{
	char age[TIMEFMT_MAX];
	int r = 0;

	switch (c->state.status) {
	case CONTAINER_CREATED:
		r = str_copy(buf, STATUS_MAX, "Created");
		break;
	case CONTAINER_RUNNING:
		r = str_print(buf, STATUS_MAX, "Up %s%s",
			      timefmt_age(age_of(c->state.started), age),
			      c->paused ? " (Paused)" : "");
		break;
	case CONTAINER_EXITED:
		if (!*c->state.finished)
			r = str_print(buf, STATUS_MAX, "Exited (%d)", c->state.exit_code);
		else
			r = str_print(buf, STATUS_MAX, "Exited (%d) %s ago", c->state.exit_code,
				      timefmt_age(age_of(c->state.finished), age));
		break;
	}
	ignore_result(r); /* the words are shorter than STATUS_MAX */
}

static void command_text(const struct ctrconf *rec, struct str_buf *out)
{
	const struct strv *parts[] = { &rec->entrypoint, &rec->cmd };

	for (size_t p = 0; p < ARRAY_SIZE(parts); p++)
		for (size_t i = 0; i < parts[p]->n; i++) {
			if (out->len)
				str_buf_addc(out, ' ');
			str_buf_adds(out, parts[p]->v[i]);
		}
}

static void add_command(struct table *t, const struct ctrconf *rec, bool whole)
{
	_cleanup_(str_buf_done) struct str_buf b;
	const char *s;

	str_buf_init(&b, CTRCONF_SIZE_MAX);
	command_text(rec, &b);
	s = b.s ? b.s : "";
	if (whole || strlen(s) <= COMMAND_WIDTH) {
		_cleanup_(freep) char *quoted = xasprintf("\"%s\"", s);

		table_add(t, quoted);
	} else {
		table_addf(t, "\"%.*s\xe2\x80\xa6\"", COMMAND_WIDTH - 1, s);
	}
}

static void add_row(struct table *t, const struct ps_options *o, const struct row *row)
{
	char age[TIMEFMT_MAX], status[STATUS_MAX];
	const struct container *c = row->c;

	format_status(c, status);
	table_addf(t, "%.*s", o->no_trunc ? ID_LEN : ID_SHORT_LEN, c->id);
	table_add(t, row->rec.image ? row->rec.image : "?");
	add_command(t, &row->rec, o->no_trunc);
	table_addf(t, "%s ago", timefmt_age(age_of(c->created), age));
	table_add(t, status);
	table_add(t, ""); /* PORTS: none are published by this version */
	table_add(t, c->name);
}

static void add_number(struct str_buf *b, const char *key, long long n)
{
	json_add_key(b, key);
	str_buf_addf(b, "%lld", n);
}

static long long unix_time(const char *when)
{
	struct timespec t;

	return timefmt_parse(when, &t) < 0 ? 0 : (long long)t.tv_sec;
}

static void add_labels(struct str_buf *b, const struct strv *labels)
{
	json_add_key(b, "Labels");
	str_buf_addc(b, '{');
	for (size_t i = 0; i < labels->n; i++) {
		size_t n = strcspn(labels->v[i], "=");
		_cleanup_(freep) char *key = xstrndup(labels->v[i], n);

		output_json_member(b, key, labels->v[i] + n + (labels->v[i][n] == '='));
	}
	str_buf_addc(b, '}');
}

/* podman's members. */
static void add_json(struct str_buf *b, const struct row *row)
{
	const struct container *c = row->c;
	struct strv names = { 0 }, command = { 0 };
	char status[STATUS_MAX];

	format_status(c, status);
	strv_add(&names, c->name);
	strv_copy(&command, row->rec.entrypoint.v);
	strv_copy(&command, row->rec.cmd.v);
	str_buf_adds(b, b->len > 1 ? ",\n{" : "{");
	output_json_member(b, "Id", c->id);
	json_add_strv(b, "Names", &names);
	output_json_member(b, "Image", row->rec.image ? row->rec.image : "");
	output_json_member(b, "ImageID", row->rec.image_id ? row->rec.image_id : "");
	json_add_strv(b, "Command", &command);
	output_json_member(b, "State", ctrcmd_status(c));
	output_json_member(b, "Status", status);
	output_json_member(b, "CreatedAt", c->created);
	add_number(b, "Created", unix_time(c->created));
	add_number(b, "StartedAt", unix_time(c->state.started));
	add_number(b, "ExitedAt", unix_time(c->state.finished));
	add_number(b, "ExitCode", c->state.exit_code);
	json_add_bool(b, "Exited", c->state.status == CONTAINER_EXITED);
	add_number(b, "Pid", c->state.status == CONTAINER_RUNNING ? c->state.pid : 0);
	add_labels(b, &row->rec.labels);
	str_buf_addc(b, '}');
	strv_done(&names);
	strv_done(&command);
}

static void show(struct ps *ps, struct container *c)
{
	struct row row = { .c = c };

	if (ctrcmd_record(c, &row.rec, NULL) < 0)
		row.rec = (struct ctrconf){ 0 };
	if (is_shown(ps, &row)) {
		if (ps->json)
			add_json(&ps->text, &row);
		else if (ps->o.quiet)
			printf("%.*s\n", ps->o.no_trunc ? ID_LEN : ID_SHORT_LEN, c->id);
		else
			add_row(&ps->table, &ps->o, &row);
	}
	ctrconf_done(&row.rec);
}

static int print(struct cli *cli, struct ps *ps, struct error *err)
{
	static const char *const headings[] = { "CONTAINER ID", "IMAGE", "COMMAND", "CREATED",
						"STATUS",	"PORTS", "NAMES" };
	struct container *list = NULL;
	struct store *s;
	size_t n = 0;
	int r;

	r = cli_store(cli, STORE_READONLY, &s, err);
	if (r == 0)
		r = container_list(s, &list, &n, err);
	if (r < 0 && r != -ENOENT)
		return r;
	error_clear(err);
	if (r == 0)
		find_images(ps, s);
	table_init(&ps->table, ARRAY_SIZE(headings));
	str_buf_init(&ps->text, 64 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		table_add(&ps->table, headings[i]);
	str_buf_addc(&ps->text, '[');
	for (size_t i = 0; i < n; i++)
		show(ps, &list[i]);
	container_list_done(list, n);
	str_buf_adds(&ps->text, "]\n");
	r = str_buf_end(&ps->text);
	if (r < 0)
		error_code(err, r, "list the containers");
	else if (ps->json)
		r = output_text(ps->text.s, err);
	else if (!ps->o.quiet)
		table_print(&ps->table, stdout);
	table_done(&ps->table);
	str_buf_done(&ps->text);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct ps ps = { 0 };
	char **args;
	int r, json;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ 0 }, &ps.o, &args, NULL, err);
	if (r != 0) {
		r = r < 0 ? r : 0;
	} else {
		json = output_format_parse(ps.o.format, err);
		r = json < 0 ? json : check_filters(&ps, err);
		if (json > 0 && ps.o.quiet)
			log_warn(DCODE_NONE, "--format is ignored: -q prints ids alone");
		ps.json = json > 0 && !ps.o.quiet;
		if (r == 0)
			r = print(cli, &ps, err);
	}
	done_filters(&ps);
	return r;
}

const struct command cmd_ps = {
	.name = "ps",
	.group = GROUP_CONTAINER,
	.summary = "list containers",
	.usage = "[OPTIONS]",
	.options = options,
	.run = run,
};
