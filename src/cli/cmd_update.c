/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/enforce.h"
#include "cli/limitopt.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_set.h"

struct update_options {
	struct limit_options limit;
};

static const struct opt options[] = {
	LIMIT_OPTION_ROWS(struct update_options, limit),
	{ NULL },
};

/* What this command is about, with the names of the rows in the record (enforced.h). */
static void asked(const struct limit_options *o, const struct limits *l, struct strv *ret)
{
	const struct {
		const char *value, *what;
	} all[] = {
		{ o->memory, "memory" },
		{ o->memory_swap, "memory-swap" },
		{ o->memory_reservation, "memory-reservation" },
		{ o->cpus	 ? o->cpus
		  : o->cpu_quota ? o->cpu_quota
				 : o->cpu_period,
		  limits_time_name(l) },
		{ o->cpu_shares, "cpu-shares" },
		{ o->cpuset_cpus, "cpuset-cpus" },
		{ o->cpuset_mems, "cpuset-mems" },
		{ o->pids, "pids-limit" },
		{ o->blkio_weight, "blkio-weight" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].value)
			strv_add(ret, all[i].what);
}

static int hint_restart(const struct container *c, int r, struct error *err)
{
	error_hint(err, "`carrel stop %s`, then update and start it", c->name);
	return r;
}

static int no_cgroup(const struct container *c, const struct limits *old, struct error *err)
{
	/* Whatever the host has: none was looked for. */
	if (!limits_any(old)) {
		error_set(err, -EOPNOTSUPP,
			  "container %s was started without limits, and so without a cgroup",
			  c->name);
		return hint_restart(c, -EOPNOTSUPP, err);
	}
	error_set(err, -EOPNOTSUPP,
		  "container %s has no cgroup: what its limits are held by is fixed at its start",
		  c->name);
	error_host(err, DCODE_NO_CGROUP);
	return hint_restart(c, -EOPNOTSUPP, err);
}

/* The rows of all limits, with what was asked, and by nobody yet. */
static void rows_of(const struct limits *l, struct enforced *ret)
{
	struct fallback none;

	*ret = (struct enforced){ 0 };
	fallback_decide(l, DCODE_NONE, 0, ret, &none);
	for (size_t i = 0; i < ret->n; i++) {
		ret->rows[i].by[0] = '\0';
		ignore_result(str_copy(ret->rows[i].detail, sizeof(ret->rows[i].detail),
				       "from its next start on")); /* fits */
	}
}

static bool is_same(const struct enforced_row *a, const struct enforced_row *b)
{
	return !a == !b && (!a || str_eq(a->asked, b->asked));
}

/* What was told at the start or since, and what both limits are asked for. */
struct verdict {
	struct enforced told, before, after;
};

static void verdict_done(struct verdict *v)
{
	enforced_done(&v->told);
	enforced_done(&v->before);
	enforced_done(&v->after);
}

static int verdict_read(struct verdict *v, const struct container *c, const struct limits *old,
			const struct limits *now, struct error *err)
{
	int r = enforced_read(c->dirfd, &v->told, NULL);

	if (r < 0 && r != -ENOENT)
		return error_code(err, r, "read how the limits of %s are enforced", c->name);
	rows_of(old, &v->before);
	rows_of(now, &v->after);
	return 0;
}

/* Also of what is no limit of this command: a ulimit is not among either. */
static bool is_unchanged(const struct verdict *v, const char *what)
{
	return is_same(enforced_find(&v->before, what), enforced_find(&v->after, what));
}

/* What each process was given at its start is no file that could be written now. */
static int check_held(const struct verdict *v, const struct container *c, struct error *err)
{
	for (size_t i = 0; i < v->told.n; i++) {
		const struct enforced_row *row = &v->told.rows[i];

		if (is_unchanged(v, row->what) || str_eq(row->by, "cgroup v2") ||
		    str_eq(row->by, "nothing"))
			continue;
		error_set(err, -EOPNOTSUPP,
			  "--%s of container %s is held by %s, which is fixed at its start",
			  row->what, c->name, row->by);
		if (row->dcode)
			error_host(err, row->dcode);
		return hint_restart(c, -EOPNOTSUPP, err);
	}
	return 0;
}

struct update {
	struct cli *cli;
	struct container *c;
	const struct ctrconf *rec;
	const struct limits *old;
	const struct strv *what;
};

/* Both files, or none. */
static int record(struct container *c, const struct ctrconf *rec, const struct verdict *v,
		  const struct enforced *rows, struct error *err)
{
	int r = enforced_write(c->dirfd, rows, err);

	if (r < 0)
		return r;
	r = ctrcmd_write_record(c, rec, err);
	if (r < 0)
		ignore_result(enforced_write(c->dirfd, &v->told, NULL)); /* as it was */
	return r;
}

/* The cgroup's rows are new; others (ulimit, ...) stay as they were at the start. */
static int record_running(const struct update *u, const struct verdict *v,
			  const struct enforced *rows, struct error *err)
{
	_cleanup_(enforced_done) struct enforced all = { 0 };

	for (size_t i = 0; i < rows->n; i++)
		enforced_put(&all, &rows->rows[i]);
	for (size_t i = 0; i < v->told.n; i++) {
		const struct enforced_row *row = &v->told.rows[i];

		if (!enforced_find(rows, row->what) && !str_eq(row->by, "cgroup v2") &&
		    is_unchanged(v, row->what))
			enforced_put(&all, row);
	}
	return record(u->c, u->rec, v, &all, err);
}

/* A limit that nothing holds, and that the kernel itself has no notion of. */
static int tell(const struct cli *cli, const struct enforced_row *row, struct error *err)
{
	if (!cli->strict) {
		log_warn(row->dcode, "--%s %s is not enforced: %s", row->what, row->asked,
			 row->detail);
		return 0;
	}
	error_set(err, -EOPNOTSUPP, "--%s %s is not enforced: %s", row->what, row->asked,
		  row->detail);
	error_host(err, row->dcode);
	return -EOPNOTSUPP;
}

static int weigh(const struct container *c, uint64_t shares, struct error *err)
{
	_cleanup_(fd_closep) int libexec = proc_open_libexec(err);

	return libexec < 0 ? libexec
			   : cgroup_weigh_scope(c->state.cgroup, c->id, libexec, shares, err);
}

/* Behind the cgroup's files: what is said and recorded of them. */
static int settle(const struct update *u, const struct verdict *v, const struct enforced *rows,
		  struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->what->n; i++) {
		const struct enforced_row *row = enforced_find(rows, u->what->v[i]);

		if (row && row->dcode)
			r = tell(u->cli, row, err);
	}
	return r < 0 ? r : record_running(u, v, rows, err);
}

/* All of it, or nothing: what the kernel has is what the record says. */
static int update_running(const struct update *u, struct error *err)
{
	const uint64_t shares = u->rec->limits.cpu_shares;
	const struct limits *old = u->old;
	struct container *c = u->c;
	_cleanup_(fd_closep) int cgroup = -1;
	_cleanup_(enforced_done) struct enforced rows = { 0 };
	_cleanup_(verdict_done) struct verdict v = { 0 };
	struct cgroup_saved saved;
	int r;

	if (!c->state.cgroup[0])
		return no_cgroup(c, old, err);
	r = verdict_read(&v, c, old, &u->rec->limits, err);
	if (r == 0)
		r = check_held(&v, c, err);
	if (r < 0)
		return r;
	cgroup = cgroup_open(c->state.cgroup, c->id);
	if (cgroup < 0)
		return error_code(err, cgroup, "open the cgroup of container %s", c->name);
	r = cgroup_update(cgroup, old, &u->rec->limits, &rows, &saved, err);
	if (r < 0)
		return r;
	if (shares != old->cpu_shares)
		r = weigh(c, shares, err);
	if (r == 0) {
		r = settle(u, &v, &rows, err);
		if (r < 0 && shares != old->cpu_shares)
			ignore_result(weigh(c, old->cpu_shares, NULL)); /* it went before */
	}
	if (r < 0)
		cgroup_set_restore(cgroup, &saved);
	return r;
}

/* What is new; what the container has already may have left the host since. */
static int check_host(const struct limit_options *o, const struct limits *l, struct error *err)
{
	struct limits asked = {
		.nano_cpus = o->cpus ? l->nano_cpus : 0,
		.cpuset_cpus = o->cpuset_cpus ? l->cpuset_cpus : NULL,
		.cpuset_mems = o->cpuset_mems ? l->cpuset_mems : NULL,
	};

	return enforce_check_host(&asked, err);
}

/* Of one that does not run: the verdict of its last start stays where nothing has changed. */
static int record_pending(struct container *c, const struct limits *old, const struct ctrconf *rec,
			  struct error *err)
{
	_cleanup_(enforced_done) struct enforced all = { 0 };
	_cleanup_(verdict_done) struct verdict v = { 0 };
	int r = verdict_read(&v, c, old, &rec->limits, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < v.told.n; i++)
		if (is_unchanged(&v, v.told.rows[i].what))
			enforced_put(&all, &v.told.rows[i]);
	for (size_t i = 0; i < v.after.n; i++)
		if (!enforced_find(&all, v.after.rows[i].what))
			enforced_put(&all, &v.after.rows[i]);
	return record(c, rec, &v, &all, err);
}

static int update(struct cli *cli, struct container *c, const struct limit_options *o,
		  struct error *err)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 }, old = { 0 };
	_cleanup_(strv_done) struct strv what = { 0 };
	_cleanup_(fd_closep) int lock = -1;
	int r;

	/* One that does not run shall not start meanwhile. */
	if (c->state.status != CONTAINER_RUNNING) {
		lock = ctrcmd_lock_ended(cli, c, err);
		if (lock < 0 && lock != -EAGAIN)
			return lock;
	}
	r = ctrcmd_record(c, &old, err);
	if (r == 0)
		r = ctrcmd_record(c, &rec, err);
	if (r == 0)
		r = limitopt_parse(o, &rec.limits, err);
	if (r == 0)
		r = check_host(o, &rec.limits, err);
	if (r < 0)
		return r;
	asked(o, &rec.limits, &what);
	if (c->state.status == CONTAINER_RUNNING)
		return update_running(&(struct update){ cli, c, &rec, &old.limits, &what }, err);
	return record_pending(c, &old.limits, &rec, err);
}

static int update_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	const struct update_options *o = data;
	struct container c;
	int r;

	r = container_find(cli->store, name, &c, err);
	if (r < 0)
		return r;
	r = update(cli, &c, &o->limit, err);
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	_cleanup_(strv_done) struct strv what = { 0 };
	struct update_options o = { 0 };
	struct limits none = { 0 };
	struct store *s;
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, &o, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	asked(&o.limit, &none, &what);
	if (!what.n) {
		error_set(err, -EINVAL, "`update` needs at least one limit");
		error_hint(err, "try `carrel update --help`");
		return -EINVAL;
	}
	r = cli_store(cli, STORE_CREATE, &s, err);
	return r < 0 ? r : ctrcmd_each(cli, args, update_one, CTRCMD_ECHO, &o, err);
}

const struct command cmd_update = {
	.name = "update",
	.group = GROUP_CONTAINER,
	.summary = "change the limits of containers",
	.usage = "OPTIONS CONTAINER...",
	.options = options,
	.run = run,
};
