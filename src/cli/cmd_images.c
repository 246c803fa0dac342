/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <time.h>

#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "storage/image.h"

enum {
	ID_SHOWN = 12,
	CELL_MAX = REFERENCE_STR_MAX,
};

struct images_options {
	bool all, quiet, digests, no_trunc;
	const char *format;
	struct strv filter;
};

#define O(field) offsetof(struct images_options, field)

static const struct opt options[] = {
	{ "all", 'a', OPT_FLAG, O(all), NULL, "all images (there are no intermediate ones)" },
	{ "quiet", 'q', OPT_FLAG, O(quiet), NULL, "print ids only" },
	{ "digests", 0, OPT_FLAG, O(digests), NULL, "with a column of the registries' digests" },
	{ "no-trunc", 0, OPT_FLAG, O(no_trunc), NULL, "do not shorten ids" },
	{ "filter", 'f', OPT_LIST, O(filter), "KEY=VALUE",
	  "only those with reference=PATTERN or dangling=BOOL" },
	{ "format", 0, OPT_STRING, O(format), "table|json", "how to print the list" },
	{ NULL },
};

/* One name of an image; an image without names has one row of blanks. */
struct row {
	const struct image *image;
	char repository[CELL_MAX], tag[REFERENCE_TAG_MAX + 1], digest[DIGEST_STR_MAX];
	char familiar[CELL_MAX];
};

struct images {
	const struct images_options *o;
	bool json;
	struct table table;
	struct str_buf text;
};

static void find_digest(struct row *row, const struct reference *name)
{
	for (size_t i = 0; i < row->image->digests.n; i++) {
		struct reference r;

		if (reference_parse(row->image->digests.v[i], &r, NULL) == 0 &&
		    str_eq(r.domain, name->domain) && str_eq(r.path, name->path)) {
			digest_format(&r.digest, row->digest);
			return;
		}
	}
}

static void fill_row(struct row *row, const struct image *i, const char *name)
{
	static const char none[] = "<none>";
	struct reference r;

	*row = (struct row){ .image = i };
	/* They fit: the cells have the maxima of a reference's parts. */
	ignore_result(str_copy(row->repository, sizeof(row->repository), none));
	ignore_result(str_copy(row->tag, sizeof(row->tag), none));
	ignore_result(str_copy(row->digest, sizeof(row->digest), none));
	if (!name || reference_parse(name, &r, NULL) < 0)
		return;
	reference_familiar(&r, row->familiar);
	find_digest(row, &r);
	if (r.tag[0])
		ignore_result(str_copy(row->tag, sizeof(row->tag), r.tag));
	r.tag[0] = '\0';
	r.digest = (struct digest){ 0 };
	reference_familiar(&r, row->repository);
}

static bool match_reference(const struct row *row, const char *pattern)
{
	return row->familiar[0] && (fnmatch(pattern, row->familiar, FNM_PATHNAME) == 0 ||
				    fnmatch(pattern, row->repository, FNM_PATHNAME) == 0);
}

static bool is_true(const char *s)
{
	return str_eq(s, "true") || str_eq(s, "1");
}

static bool match_dangling(const struct row *row, const char *value)
{
	return (row->image->names.n == 0) == is_true(value);
}

static const struct filter {
	const char *key;
	bool (*match)(const struct row *row, const char *value);
} filters[] = {
	{ "reference=", match_reference },
	{ "dangling=", match_dangling },
};

static int check_filters(const struct images_options *o, struct error *err)
{
	for (size_t i = 0; i < o->filter.n; i++) {
		const char *s = o->filter.v[i];

		if (str_starts(s, "reference=") || str_eq(s, "dangling=true") ||
		    str_eq(s, "dangling=false") || str_eq(s, "dangling=1") ||
		    str_eq(s, "dangling=0"))
			continue;
		error_set(err, -EINVAL, "--filter: '%s' is not known", s);
		error_hint(err, "reference=PATTERN or dangling=true|false");
		return -EINVAL;
	}
	return 0;
}

/* docker's rule: values of one key are alternatives, different keys must all match. */
static bool is_shown(const struct images_options *o, const struct row *row)
{
	for (size_t k = 0; k < ARRAY_SIZE(filters); k++) {
		bool asked = false, found = false;

		for (size_t i = 0; i < o->filter.n; i++) {
			if (!str_starts(o->filter.v[i], filters[k].key))
				continue;
			asked = true;
			found = found ||
				filters[k].match(row, o->filter.v[i] + strlen(filters[k].key));
		}
		if (asked && !found)
			return false;
	}
	return true;
}

static char *format_age(const char *created, char buf[TIMEFMT_MAX + 8])
{
	struct timespec t, now;
	char age[TIMEFMT_MAX];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	/* The zero time of builds that are to be the same each time is none. */
	if (timefmt_parse(created, &t) < 0 || t.tv_sec <= 0)
		(void)snprintf(buf, TIMEFMT_MAX + 8, "N/A");
	else
		(void)snprintf(buf, TIMEFMT_MAX + 8, "%s ago",
			       timefmt_age(now.tv_sec > t.tv_sec ? now.tv_sec - t.tv_sec : 0, age));
	return buf;
}

static void add_json(struct str_buf *b, const struct row *row, const char *id)
{
	char age[TIMEFMT_MAX + 8], size[16];

	str_buf_adds(b, b->len > 1 ? ",\n{" : "{");
	output_json_member(b, "Repository", row->repository);
	output_json_member(b, "Tag", row->tag);
	output_json_member(b, "Digest", row->digest);
	output_json_member(b, "ID", id);
	output_json_member(b, "CreatedAt", row->image->created);
	output_json_member(b, "CreatedSince", format_age(row->image->created, age));
	output_json_member(b, "Size", output_size(row->image->size, size));
	str_buf_addc(b, '}');
}

/* A name by digest has no row of its own where a tag of its repository says as much; as in docker.
 */
static bool is_beside_tag(const struct images *x, const struct image *i, const char *name)
{
	struct reference r, tag;

	if (reference_parse(name, &r, NULL) < 0 || !digest_is_set(&r.digest))
		return false;
	for (size_t k = 0; k < i->names.n; k++) {
		struct row row;
		char text[DIGEST_STR_MAX];

		if (reference_parse(i->names.v[k], &tag, NULL) < 0 || !tag.tag[0] ||
		    !str_eq(tag.domain, r.domain) || !str_eq(tag.path, r.path))
			continue;
		if (!x->o->digests && !x->json)
			return true;
		fill_row(&row, i, i->names.v[k]);
		if (str_eq(row.digest, digest_format(&r.digest, text)))
			return true;
	}
	return false;
}

static void show(struct images *x, const struct image *i, const char *name)
{
	char age[TIMEFMT_MAX + 8], size[16], id[DIGEST_STR_MAX];
	struct row row;

	fill_row(&row, i, name);
	if (!is_shown(x->o, &row))
		return;
	if (x->o->no_trunc)
		digest_format(&i->config, id);
	else
		(void)snprintf(id, sizeof(id), "%.*s", ID_SHOWN, i->config.hex);
	if (x->json) {
		add_json(&x->text, &row, id);
		return;
	}
	if (x->o->quiet) {
		puts(id);
		return;
	}
	table_add(&x->table, row.repository);
	table_add(&x->table, row.tag);
	if (x->o->digests)
		table_add(&x->table, row.digest);
	table_add(&x->table, id);
	table_add(&x->table, format_age(i->created, age));
	table_add(&x->table, output_size(i->size, size));
}

static int print(struct cli *cli, const struct images_options *o, bool json, struct error *err)
{
	static const char *const headings[] = { "REPOSITORY", "TAG",	 "DIGEST",
						"IMAGE ID",   "CREATED", "SIZE" };
	struct images x = { .o = o, .json = json };
	struct image *list = NULL;
	struct store *s;
	size_t n = 0;
	int r;

	r = cli_store(cli, STORE_READONLY, &s, err);
	if (r == 0)
		r = image_list(s, &list, &n, err);
	if (r < 0 && r != -ENOENT)
		return r;
	error_clear(err); /* no store yet: no images */
	table_init(&x.table, ARRAY_SIZE(headings) - !o->digests);
	str_buf_init(&x.text, 64 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		if (o->digests || !str_eq(headings[i], "DIGEST"))
			table_add(&x.table, headings[i]);
	str_buf_addc(&x.text, '[');
	for (size_t i = 0; i < n; i++) {
		if (list[i].names.n == 0)
			show(&x, &list[i], NULL);
		for (size_t k = 0; k < list[i].names.n; k++)
			if (!is_beside_tag(&x, &list[i], list[i].names.v[k]))
				show(&x, &list[i], list[i].names.v[k]);
	}
	image_list_done(list, n);
	str_buf_adds(&x.text, "]\n");
	r = str_buf_end(&x.text);
	if (r < 0)
		error_code(err, r, "list the images");
	else if (json)
		r = output_text(x.text.s, err);
	else if (!o->quiet)
		table_print(&x.table, stdout);
	table_done(&x.table);
	str_buf_done(&x.text);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct images_options o = { 0 };
	char **args;
	size_t n;
	int r, json;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .max = 1 }, &o, &args, &n, err);
	if (r != 0) {
		r = r < 0 ? r : 0;
	} else {
		json = output_format_parse(o.format, err);
		r = json < 0 ? json : check_filters(&o, err);
		if (r == 0 && n)
			strv_addf(&o.filter, "reference=%s", args[0]);
		if (r == 0)
			r = print(cli, &o, json, err);
	}
	strv_done(&o.filter);
	return r;
}

const struct command cmd_images = {
	.name = "images",
	.group = GROUP_IMAGE,
	.summary = "list images",
	.usage = "[OPTIONS] [REPOSITORY[:TAG]]",
	.options = options,
	.run = run,
};
