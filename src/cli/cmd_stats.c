/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/output.h"
#include "runtime/cgroup.h"
#include "runtime/enforced.h"
#include "runtime/usage.h"

enum {
	INTERVAL_MS = 1000,
	CELL_MAX = 64,
	ROW_MAX = 4096,
};

struct stats_options {
	bool all, no_stream, no_trunc;
	const char *format;
};

#define O(field) offsetof(struct stats_options, field)

static const struct opt options[] = {
	{ "all", 'a', OPT_FLAG, O(all), NULL, "those that do not run, too" },
	{ "no-stream", 0, OPT_FLAG, O(no_stream), NULL, "print once and end" },
	{ "no-trunc", 0, OPT_FLAG, O(no_trunc), NULL, "do not shorten ids" },
	{ "format", 0, OPT_STRING, O(format), "table|json",
	  "how to print: json is one object a line" },
	{ NULL },
};

/* What was seen of one container; kept for the next round. */
struct seen {
	char id[ID_LEN + 1];
	struct usage last, now;
	bool was_there, is_there; /* `last`, `now` is a measurement */
	unsigned turn;		  /* of `now` */
};

struct stats {
	struct cli *cli;
	const struct stats_options *o;
	char **names; /* none: all */
	bool json, live, told;
	struct seen *seen;
	size_t n_seen, cap_seen;
	unsigned rounds;
	struct error *err;
	struct loop_source timer;
};

static struct seen *find_seen(struct stats *s, const char *id)
{
	for (size_t i = 0; i < s->n_seen; i++)
		if (str_eq(s->seen[i].id, id))
			return &s->seen[i];
	s->seen = array_grow(s->seen, s->n_seen, &s->cap_seen, sizeof(*s->seen));
	s->seen[s->n_seen] = (struct seen){ 0 };
	ignore_result(str_copy(s->seen[s->n_seen].id, ID_LEN + 1, id)); /* fits */
	return &s->seen[s->n_seen++];
}

static bool measure(struct container *c, struct usage *ret)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	_cleanup_(fd_closep) int init = -1, cgroup = -1;
	bool known, host_net;

	if (c->state.status != CONTAINER_RUNNING)
		return false;
	init = ctrcmd_open_init(c, NULL);
	if (init < 0)
		return false;
	known = ctrcmd_record(c, &rec, NULL) == 0;
	host_net = known && rec.net == NET_HOST;
	if (c->state.cgroup[0])
		cgroup = cgroup_open(c->state.cgroup, c->id);
	if (usage_read(c->state.pid, cgroup, host_net, ret, NULL) < 0)
		return false;
	/* No file of a cgroup tells it where the watchdog holds it. */
	if (known && ret->summed_memory && rec.limits.memory &&
	    rec.limits.memory < ret->memory_limit)
		ret->memory_limit = rec.limits.memory;
	/* The number was its own all the while? */
	return proc_wait_pidfd(init, 0) == 0;
}

static void percent(uint64_t hundredths, char buf[CELL_MAX])
{
	(void)snprintf(buf, CELL_MAX, "%" PRIu64 ".%02" PRIu64 "%%", hundredths / 100,
		       hundredths % 100);
}

struct row {
	char id[ID_LEN + 1];
	char cpu[CELL_MAX], memory[CELL_MAX], memory_percent[CELL_MAX], net[CELL_MAX],
		block[CELL_MAX], pids[CELL_MAX];
};

static void fill_row(const struct stats *s, const struct container *c, const struct usage *before,
		     const struct usage *now, struct row *row)
{
	char a[16], b[16];

	(void)snprintf(row->id, sizeof(row->id), "%.*s", s->o->no_trunc ? ID_LEN : ID_SHORT_LEN,
		       c->id);
	percent(usage_cpu_percent(before, now), row->cpu);
	(void)snprintf(row->memory, CELL_MAX, "%s / %s", output_bytes(now->memory, a),
		       output_bytes(now->memory_limit, b));
	percent(usage_memory_percent(now), row->memory_percent);
	(void)snprintf(row->net, CELL_MAX, "%s / %s", output_size(now->rx, a),
		       output_size(now->tx, b));
	(void)snprintf(row->block, CELL_MAX, "%s / %s", output_size(now->read, a),
		       output_size(now->written, b));
	(void)snprintf(row->pids, CELL_MAX, "%" PRIu64, now->pids);
}

/* docker's members, where Container is the word that was asked with, and where the figures are
 * from. */
static void print_json(const struct row *row, const struct container *c, const char *word,
		       const struct usage *now, bool runs)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, ROW_MAX);
	str_buf_addc(&b, '{');
	output_json_member(&b, "BlockIO", row->block);
	output_json_member(&b, "CPUPerc", row->cpu);
	output_json_member(&b, "Container", word ? word : row->id);
	output_json_member(&b, "ID", row->id);
	output_json_member(&b, "MemPerc", row->memory_percent);
	output_json_member(&b, "MemUsage", row->memory);
	output_json_member(&b, "Name", c->name);
	output_json_member(&b, "NetIO", row->net);
	output_json_member(&b, "PIDs", row->pids);
	output_json_member(&b, "Source", !runs ? "" : now->summed ? "proc" : "cgroup v2");
	str_buf_addc(&b, '}');
	printf("%s\n", b.s);
}

static void add_row(struct table *t, const struct row *row, const struct container *c)
{
	table_add(t, row->id);
	table_add(t, c->name);
	table_add(t, row->cpu);
	table_add(t, row->memory);
	table_add(t, row->memory_percent);
	table_add(t, row->net);
	table_add(t, row->block);
	table_add(t, row->pids);
}

/* Once in each round, by however many words it was asked for: the end of one interval begins the
 * next. */
static struct seen *measured(struct stats *s, struct container *c)
{
	struct seen *seen = find_seen(s, c->id);

	if (seen->turn == s->rounds + 1)
		return seen;
	seen->last = seen->now;
	seen->was_there = seen->is_there;
	seen->now = (struct usage){ 0 };
	seen->is_there = measure(c, &seen->now);
	seen->turn = s->rounds + 1;
	return seen;
}

/* The code that its start had, where a limit was asked for; without one there is no cgroup on any
 * host. */
static enum dcode why_summed(const struct container *c)
{
	_cleanup_(enforced_done) struct enforced rows = { 0 };

	if (enforced_read(c->dirfd, &rows, NULL) < 0)
		return DCODE_NONE;
	for (size_t i = 0; i < rows.n; i++)
		if (rows.rows[i].dcode != DCODE_NONE)
			return rows.rows[i].dcode;
	return DCODE_NONE;
}

/* word: by what it was asked for, or NULL. Silent in the first round, which is only the beginning
 * of an interval. */
static void show(struct stats *s, struct container *c, const char *word, struct table *t)
{
	struct seen *seen = measured(s, c);
	const struct usage *now = &seen->now;
	bool runs = seen->is_there;
	struct row row;

	if (s->rounds == 0 || (!runs && !s->o->all && !s->names[0]))
		return;
	fill_row(s, c, seen->was_there ? &seen->last : now, now, &row);
	if (s->json)
		print_json(&row, c, word, now, runs);
	else
		add_row(t, &row, c);
	if (runs && now->summed && !s->json && !s->told) {
		log_warn(why_summed(c),
			 "figures that no cgroup counts are sums over /proc, memory as PSS");
		s->told = true;
	}
}

static int show_named(struct stats *s, struct table *t, struct error *err)
{
	for (char **name = s->names; *name; name++) {
		struct container c;
		int r = ctrcmd_find(s->cli, *name, &c, err);

		if (r < 0)
			return r;
		show(s, &c, *name, t);
		container_done(&c);
	}
	return 0;
}

static int show_all(struct stats *s, struct table *t, struct error *err)
{
	struct container *list = NULL;
	struct store *store;
	size_t n = 0;
	int r;

	r = cli_store(s->cli, STORE_READONLY, &store, err);
	if (r == 0)
		r = container_list(store, &list, &n, err);
	if (r == -ENOENT) {
		error_clear(err);
		r = 0;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		show(s, &list[i], NULL, t);
	container_list_done(list, n);
	return r;
}

/* From the upper left corner, over what is there, each line to its end. */
static void print_live(const struct table *t)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	table_print(t, f);
	(void)fclose(f);
	fputs("\033[H", stdout);
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		printf("%.*s\033[K\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	fputs("\033[J", stdout);
}

static int round_of(struct stats *s)
{
	static const char *const headings[] = { "CONTAINER ID",	     "NAME",  "CPU %",
						"MEM USAGE / LIMIT", "MEM %", "NET I/O",
						"BLOCK I/O",	     "PIDS" };
	_cleanup_(table_done) struct table t;
	int r;

	table_init(&t, ARRAY_SIZE(headings));
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		table_add(&t, headings[i]);
	r = s->names[0] ? show_named(s, &t, s->err) : show_all(s, &t, s->err);
	if (r < 0)
		return r;
	if (s->rounds++ == 0)
		return 0;
	if (!s->json) {
		if (s->live)
			print_live(&t);
		else
			table_print(&t, stdout);
	}
	r = output_flush(s->err);
	return r < 0 ? r : s->o->no_stream;
}

static int on_timer(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct stats *s = source->data;
	int r = round_of(s);

	(void)events;
	if (r > 0)
		loop_quit(loop, 0);
	else if (r == 0)
		r = loop_timer_set(source->fd, INTERVAL_MS);
	return r < 0 ? r : 0;
}

static int watch(struct stats *s, struct error *err)
{
	struct loop loop;
	int r = loop_init(&loop);

	if (r < 0)
		return error_code(err, r, "make an event loop");
	s->timer = (struct loop_source){ .fd = loop_timerfd(), .handler = on_timer, .data = s };
	r = s->timer.fd < 0 ? s->timer.fd : loop_set(&loop, &s->timer, EPOLLIN);
	if (r == 0)
		r = round_of(s);
	if (r == 0)
		r = loop_timer_set(s->timer.fd, INTERVAL_MS);
	if (r == 0)
		r = loop_run(&loop);
	if (r < 0 && !error_is_set(err))
		error_code(err, r, "measure");
	fd_close(s->timer.fd);
	loop_done(&loop);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct stats_options o = { 0 };
	struct stats s = { .cli = cli, .o = &o, .err = err };
	int r, json;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .max = -1 }, &o, &s.names, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	json = output_format_parse(o.format, err);
	if (json < 0)
		return json;
	s.json = json;
	s.live = !json && !o.no_stream && isatty(STDOUT_FILENO);
	if (s.live)
		fputs("\033[2J", stdout);
	r = watch(&s, err);
	free(s.seen);
	return r;
}

const struct command cmd_stats = {
	.name = "stats",
	.group = GROUP_CONTAINER,
	.summary = "show what containers use",
	.usage = "[OPTIONS] [CONTAINER...]",
	.options = options,
	.run = run,
};
