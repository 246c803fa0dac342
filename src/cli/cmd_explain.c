/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/explain.h"
#include "cli/output.h"
#include "runtime/cgroup.h"

enum {
	EXPLAIN_JSON_MAX = 16 << 20,
};

struct explain_options {
	bool json;
};

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, offsetof(struct explain_options, json), NULL,
	  "print JSON instead of a table" },
	{ NULL },
};

static const char *dash(const char *s)
{
	return *s ? s : "-";
}

static void print_table(const struct explain *x)
{
	struct table t;

	table_init(&t, 5);
	table_add(&t, "WHAT");
	table_add(&t, "ASKED");
	table_add(&t, "ENFORCED");
	table_add(&t, "BY");
	table_add(&t, "NOTE");
	for (size_t i = 0; i < x->n; i++) {
		const struct explain_row *row = &x->rows[i];
		const struct dcode_row *code = dcode_get(row->dcode);

		table_add(&t, row->what);
		table_add(&t, dash(row->asked));
		table_add(&t, dash(row->enforced));
		table_add(&t, dash(row->by));
		table_addf(&t, "%s%s%s%s%s%s", row->differs ? "DIFFERS: " : "", row->note,
			   code && *row->note ? " " : "", code ? "[" : "", code ? code->name : "",
			   code ? "]" : "");
	}
	table_print(&t, stdout);
	table_done(&t);
}

static void add_row(struct str_buf *b, const struct explain_row *row)
{
	const struct dcode_row *code = dcode_get(row->dcode);

	str_buf_addc(b, '{');
	output_json_member(b, "what", row->what);
	output_json_member(b, "asked", row->asked);
	output_json_member(b, "enforced", row->enforced);
	output_json_member(b, "by", row->by);
	output_json_member(b, "note", row->note);
	if (code)
		output_json_member(b, "code", code->name);
	json_add_bool(b, "differs", row->differs);
	str_buf_addc(b, '}');
}

static int print_json(const struct container *c, const struct explain *x, struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, EXPLAIN_JSON_MAX);
	str_buf_addc(&b, '{');
	output_json_member(&b, "id", c->id);
	output_json_member(&b, "name", c->name);
	output_json_member(&b, "status", ctrcmd_status(c));
	str_buf_adds(&b, ",\"rows\":[");
	for (size_t i = 0; i < x->n; i++) {
		str_buf_adds(&b, i ? "," : "");
		add_row(&b, &x->rows[i]);
	}
	str_buf_adds(&b, "]}");
	if (str_buf_end(&b) < 0)
		return error_code(err, -EFBIG, "make the JSON document");
	output_json_indented(b.s, stdout);
	return 0;
}

static uint64_t *find_mounts(const struct container *c, int pidfd, const struct explain_input *in)
{
	uint64_t *ids = xcalloc(in->rec->n_mounts, sizeof(*ids));

	for (size_t i = 0; i < in->rec->n_mounts; i++)
		if (explain_wants_mount(in, i))
			ids[i] = observe_mount(pidfd, c->state.pid, in->rec->mounts[i].target);
	return ids;
}

/* With what the kernel has, while it runs; it may end at any moment, and then it does not. */
static void fill(const struct container *c, struct explain_input *in, struct explain *x)
{
	_cleanup_(observed_done) struct observed seen = { 0 };
	_cleanup_(fd_closep) int pidfd = -1, cgroup = -1;
	_cleanup_(freep) uint64_t *mount_ids = NULL;
	bool running = c->state.status == CONTAINER_RUNNING;
	struct setid files;

	pidfd = running ? ctrcmd_open_init(c, NULL) : -1;
	if (pidfd >= 0 && observe(pidfd, c->state.pid, c->state.supervisor, &seen, NULL) == 0) {
		in->seen = &seen;
		in->mount_ids = mount_ids = find_mounts(c, pidfd, in);
		cgroup = *c->state.cgroup ? cgroup_open(c->state.cgroup, c->id) : -1;
	}
	in->cgroup_fd = cgroup;
	in->one_id = c->state.one_id;
	if (in->one_id != DCODE_NONE && setid_find(c->dirfd, &files, NULL) == 0)
		in->setid = &files;
	explain_fill(in, x);
}

static int tell(struct cli *cli, struct container *c, void *data, struct error *err)
{
	const struct explain_options *o = data;
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	_cleanup_(explain_done) struct explain x = { 0 };
	_cleanup_(enforced_done) struct enforced limits = { 0 };
	struct explain_input in = { .rec = &rec, .limits = &limits };
	int r;

	(void)cli;
	r = ctrcmd_record(c, &rec, err);
	if (r < 0)
		return r;
	r = enforced_read(c->dirfd, &limits, err);
	if (r == -ENOENT)
		error_clear(err); /* no limit was asked for */
	else if (r < 0)
		return r;
	fill(c, &in, &x);
	if (o->json)
		return print_json(c, &x, err);
	print_table(&x);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct explain_options o = { 0 };

	return ctrcmd_run_one(cli, argc, argv, &o, tell, err);
}

const struct command cmd_explain = {
	.name = "explain",
	.group = GROUP_CONTAINER,
	.summary = "show what was asked of a container, and what holds it",
	.usage = "[OPTIONS] CONTAINER",
	.options = options,
	.run = run,
};
