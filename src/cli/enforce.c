/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/enforce.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/limitopt.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_find.h"
#include "runtime/cgroup_set.h"
#include "watchctl.h"

enum {
	NODES_FILE_MAX = 4096,
	NANO_PER_CPU = 1000000000,
	SHM_SIZE_USUAL = 64 << 20,
};

/* Who holds a part of an --ulimit that asks for more than the caller may give. */
static const char own_limit[] = "own limit";

static bool asks_for_anything(const struct ctrconf *rec)
{
	return limits_any(&rec->limits) || rec->ulimits.n || rec->oom_asked;
}

/* --- what the host does not have --- */

static int not_available(const char *option, const char *asked, const char *what,
			 const struct cpulist *there, struct error *err)
{
	char text[128];

	return error_set(err, -EINVAL, "--%s %s: the %s: %s", option, asked, what,
			 cpulist_format(there, text, sizeof(text)));
}

static int check_cpus(const struct limits *l, struct error *err)
{
	struct cpulist asked, own = { 0 };
	unsigned n = 0;

	if (!l->cpuset_cpus && !l->nano_cpus)
		return 0;
	if (sched_getaffinity(0, sizeof(own.bits), (cpu_set_t *)(void *)own.bits) < 0)
		return error_sys(err, "ask for the CPUs");
	if (l->cpuset_cpus && cpulist_parse(l->cpuset_cpus, &asked) == 0 &&
	    !cpulist_is_within(&asked, &own))
		return not_available("cpuset-cpus", l->cpuset_cpus, "CPUs that you may use", &own,
				     err);
	for (unsigned i = 0; i < CPULIST_MAX; i++)
		n += cpulist_has(&own, i);
	if (l->nano_cpus > (uint64_t)n * NANO_PER_CPU)
		return error_set(err, -EINVAL, "--cpus %.15g: you may use only %u CPU%s",
				 (double)l->nano_cpus / NANO_PER_CPU, n, n == 1 ? "" : "s");
	return 0;
}

static int check_mems(const struct limits *l, struct error *err)
{
	static const char file[] = "/sys/devices/system/node/online";
	_cleanup_(freep) char *text = NULL;
	struct cpulist asked, there = { { 1 } }; /* without NUMA: node 0 */

	if (!l->cpuset_mems || cpulist_parse(l->cpuset_mems, &asked) < 0)
		return 0;
	if (path_load(AT_FDCWD, file, NODES_FILE_MAX, &text, NULL) == 0)
		ignore_result(cpulist_parse(text, &there)); /* of the kernel's making */
	if (!cpulist_is_within(&asked, &there))
		return not_available("cpuset-mems", l->cpuset_mems, "memory nodes that are there",
				     &there, err);
	return 0;
}

static int check_devices(const struct limits *l, struct error *err)
{
	for (size_t i = 0; i < l->n_throttles; i++) {
		const struct limits_throttle *t = &l->throttles[i];
		struct stat st;

		if (stat(t->device, &st) < 0)
			return error_sys(err, "--%s: look at %s", limits_throttle_name(t->kind),
					 t->device);
		if (!S_ISBLK(st.st_mode))
			return error_set(err, -ENOTBLK, "--%s: %s is not a block device",
					 limits_throttle_name(t->kind), t->device);
	}
	return 0;
}

/* --- the verdict --- */

static struct ctr_rlimit *find_rlimit(struct enforce *e, int resource)
{
	for (unsigned i = 0; i < e->n_rlimits; i++)
		if (e->rlimits[i].resource == resource)
			return &e->rlimits[i];
	return NULL;
}

/* Above the own hard limit only root gets: that one is used. */
static void add_ulimit(struct enforce *e, const char *asked, struct ctr_rlimit *v,
		       struct enforced *rows)
{
	static const char what[] = "ulimit";
	struct rlimit own;
	char text[48];

	if (getrlimit((__rlimit_resource_t)v->resource, &own) == 0 &&
	    v->value.rlim_max > own.rlim_max) {
		v->value.rlim_max = own.rlim_max;
		if (v->value.rlim_cur > own.rlim_max)
			v->value.rlim_cur = own.rlim_max;
		enforced_add(rows, what, asked, own_limit, DCODE_NONE,
			     "%s holds: only root gets above your own hard limit",
			     limitopt_ulimit_text(&v->value, text));
	} else {
		enforced_add(rows, what, asked, "setrlimit", DCODE_NONE, "%s", "");
	}
	if (e->n_rlimits < ENFORCE_RLIMITS_MAX)
		e->rlimits[e->n_rlimits++] = *v;
}

static struct enforced_row *find_row(struct enforced *rows, const char *what, const char *asked)
{
	for (size_t i = 0; i < rows->n; i++)
		if (str_eq(rows->rows[i].what, what) && str_starts(rows->rows[i].asked, asked))
			return &rows->rows[i];
	return NULL;
}

/* What `explain` has to know to tell this from a limit that pid 1 has changed. */
static void tell_clamped(const struct rlimit *now, uint64_t max, struct enforced *rows)
{
	struct enforced_row *row = find_row(rows, "ulimit", "nproc=");
	char text[48];

	if (row)
		(void)snprintf(row->detail, sizeof(row->detail),
			       "%s holds, by --pids-limit %" PRIu64,
			       limitopt_ulimit_text(now, text), max);
}

static void tell_lower(const struct rlimit *own, struct enforced *rows)
{
	struct enforced_row *row = find_row(rows, "pids-limit", "");
	size_t len = row ? strlen(row->detail) : 0;

	if (row)
		(void)snprintf(row->detail + len, sizeof(row->detail) - len,
			       "; your own limit (ulimit -u) of %llu is lower and holds, too",
			       (unsigned long long)own->rlim_max);
}

/* For each id inside, too: `ulimit -u` tells then why a fork is refused. */
static void limit_processes(struct enforce *e, rlim_t max, struct enforced *rows)
{
	struct ctr_rlimit *nproc = find_rlimit(e, RLIMIT_NPROC);
	struct rlimit own;

	if (!nproc && e->n_rlimits == ENFORCE_RLIMITS_MAX)
		return;
	if (!nproc) {
		nproc = &e->rlimits[e->n_rlimits++];
		*nproc = (struct ctr_rlimit){ .resource = RLIMIT_NPROC, .value = { max, max } };
		if (getrlimit(RLIMIT_NPROC, &own) < 0 || own.rlim_max >= max)
			return;
		nproc->value = (struct rlimit){ own.rlim_max, own.rlim_max };
		tell_lower(&own, rows);
	}
	if (nproc->value.rlim_max <= max)
		return;
	nproc->value.rlim_max = max;
	if (nproc->value.rlim_cur > max)
		nproc->value.rlim_cur = max;
	tell_clamped(&nproc->value, max, rows);
}

static int decide_rlimits(struct enforce *e, const struct ctrconf *rec, struct enforced *rows,
			  struct error *err)
{
	for (size_t i = 0; i < rec->ulimits.n; i++) {
		struct ctr_rlimit v;
		int r = limitopt_ulimit(rec->ulimits.v[i], &v, err);

		if (r < 0)
			return r;
		add_ulimit(e, rec->ulimits.v[i], &v, rows);
	}
	if (e->fallback.max_processes)
		limit_processes(e, e->fallback.max_processes, rows);
	return 0;
}

static void decide_oom_adj(struct enforce *e, const struct ctrconf *rec, struct enforced *rows)
{
	char text[16];

	if (!rec->oom_asked)
		return;
	(void)snprintf(text, sizeof(text), "%" PRId64, rec->oom_score_adj);
	if (!tune_can_oom_adj((int)rec->oom_score_adj)) {
		enforced_add(rows, "oom-score-adj", text, "nothing", DCODE_NONE,
			     "only root may lower it");
		return;
	}
	e->fallback.tune.flags |= TUNE_OOM_ADJ;
	e->fallback.tune.oom_score_adj = (int)rec->oom_score_adj;
	enforced_add(rows, "oom-score-adj", text, "oom_score_adj", DCODE_NONE, "%s", "");
}

/* offers: controllers that a cgroup will have; their limits are not looked at. */
static int decide(struct enforce *e, const struct ctrconf *rec, enum dcode why, unsigned offers,
		  struct enforced *rows, struct error *err)
{
	fallback_decide(&rec->limits, why, offers, rows, &e->fallback);
	decide_oom_adj(e, rec, rows);
	return decide_rlimits(e, rec, rows, err);
}

/* Somebody holds it as it was asked. */
static bool is_held(const struct enforced_row *row)
{
	return row->dcode == DCODE_NONE && !str_eq(row->by, "nothing") &&
	       !str_eq(row->by, own_limit);
}

static int refuse(const struct enforced *rows, struct error *err)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct enforced_row *row = &rows->rows[i];

		if (is_held(row))
			continue;
		error_set(err, -EOPNOTSUPP, "--%s %s cannot be held as asked: %s%s%s", row->what,
			  row->asked, str_eq(row->by, "nothing") ? "" : row->by,
			  str_eq(row->by, "nothing") ? "" : ": ", row->detail);
		if (row->dcode)
			error_host(err, row->dcode);
		return -EOPNOTSUPP;
	}
	return 0;
}

static void warn_row(const struct enforced_row *row)
{
	if (str_eq(row->by, "nothing"))
		log_warn(row->dcode, "--%s %s is not enforced: %s", row->what, row->asked,
			 row->detail);
	else if (str_eq(row->by, own_limit))
		log_warn(row->dcode, "--%s %s is held in part: %s", row->what, row->asked,
			 row->detail);
	else
		log_warn(row->dcode, "--%s %s is held by %s, not by a cgroup: %s", row->what,
			 row->asked, row->by, row->detail);
}

static void warn(const struct enforced *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		if (!is_held(&rows->rows[i]))
			warn_row(&rows->rows[i]);
}

struct probe {
	const struct limits *limits;
	int libexec_fd;
	int out; /* for a struct error: the configuration is wrong */
};

/*
 * What a delegation would hold, found by finding it, in a child: a scope that the service manager
 * makes around it ends with it. The status is the set of controllers, or EXIT_OURS: no delegation,
 * or what the error says for which no start has a fallback.
 */
static int probe_cgroup(void *arg)
{
	const struct probe *p = arg;
	struct cgroup_place place = { .fd = -1 };
	struct error err = { 0 };
	char id[ID_LEN + 1];
	int r;

	id_hex(id, ID_LEN / 2);
	r = cgroup_locate(cgroup_set_needs(p->limits), id, p->libexec_fd, &place, &err);
	if (r < 0 && err.dcode == DCODE_NONE)
		ignore_result(fd_write_all(p->out, &err, sizeof(err))); /* then it is D-08 */
	if (r < 0 && err.dcode != DCODE_NO_CONTROLLER)
		return EXIT_OURS;
	return (int)place.offers;
}

static int find_offers(const struct limits *l, enum dcode *ret_why, unsigned *ret_offers,
		       struct error *err)
{
	_cleanup_(fd_closep) int libexec = -1, in = -1;
	struct probe p = { .limits = l };
	struct error said;
	struct proc child;
	int status, r, fds[2];

	*ret_why = DCODE_NO_CGROUP;
	*ret_offers = 0;
	if (!limits_any(l))
		return 0;
	p.libexec_fd = libexec = proc_open_libexec(err);
	if (libexec < 0)
		return libexec;
	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	in = fds[0];
	p.out = fds[1];
	r = proc_clone(0, -1, probe_cgroup, &p, &child);
	fd_close(fds[1]);
	if (r == 0) {
		r = proc_wait(&child, &status);
		proc_done(&child);
	}
	if (r < 0)
		return error_code(err, r, "look for a delegated cgroup");
	if (status == EXIT_OURS && fd_read_full(in, &said, sizeof(said)) == 0) {
		error_import(err, &said);
		return said.code;
	}
	if (status < EXIT_OURS) {
		*ret_why = DCODE_NO_CONTROLLER;
		*ret_offers = (unsigned)status;
	}
	return 0;
}

int enforce_check_host(const struct limits *l, struct error *err)
{
	int r = check_cpus(l, err);

	if (r == 0)
		r = check_mems(l, err);
	return r < 0 ? r : check_devices(l, err);
}

int enforce_check(const struct ctrconf *rec, enum enforce_flags flags, struct error *err)
{
	_cleanup_(enforced_done) struct enforced rows = { 0 };
	struct enforce e = ENFORCE_NONE;
	unsigned offers;
	enum dcode why;
	int r;

	if (!asks_for_anything(rec))
		return 0;
	r = enforce_check_host(&rec->limits, err);
	if (r < 0 || !(flags & ENFORCE_STRICT))
		return r;
	r = find_offers(&rec->limits, &why, &offers, err);
	if (r == 0)
		r = decide(&e, rec, why, offers, &rows, err);
	return r < 0 ? r : refuse(&rows, err);
}

static int open_events(struct enforce *e, struct error *err)
{
	static const char none[] = "oom_kill 0\n";
	_cleanup_(fd_closep) int fd = memfd_create("memory.events", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return error_sys(err, "make a memory file");
	r = fd_write_all(fd, none, sizeof(none) - 1);
	if (r < 0)
		return error_code(err, r, "write a memory file");
	e->oom_fd = TAKE_FD(fd);
	return 0;
}

int enforce_begin(struct enforce *e, const struct ctrconf *rec, int ctr_dirfd,
		  enum enforce_flags flags, enum dcode why, struct enforced *rows,
		  struct error *err)
{
	int r;

	e->shm_size = rec->shm_size;
	if (!asks_for_anything(rec))
		return 0;
	r = decide(e, rec, why, 0, rows, err);
	if (r == 0 && (flags & ENFORCE_STRICT))
		r = refuse(rows, err);
	if (r == 0 && e->fallback.watch_memory)
		r = open_events(e, err);
	if (r == 0)
		r = enforced_write(ctr_dirfd, rows, err);
	if (r < 0)
		return r;
	if (!(flags & ENFORCE_QUIET))
		warn(rows);
	return 0;
}

bool enforce_needs_owner(const struct enforce *e)
{
	return e->fallback.max_processes || e->fallback.watch_memory;
}

uid_t enforce_owner(const struct enforce *e, const struct idmap *map)
{
	return enforce_needs_owner(e) ? map->n_uids : 0;
}

void enforce_spec(const struct enforce *e, struct ctr_spec *spec)
{
	spec->shm_size = e->shm_size;
	spec->tune = e->fallback.tune;
	spec->rlimits = e->rlimits;
	spec->n_rlimits = e->n_rlimits;
	if (e->fallback.watch_memory) {
		spec->flags |= CTR_KEEP_PROC;
		/* What lies there is memory, and no process has it. */
		spec->tmpfs_size = spec->ipc_size = e->fallback.watch_memory;
		if (!spec->shm_size && e->fallback.watch_memory < SHM_SIZE_USUAL)
			spec->shm_size = e->fallback.watch_memory;
	}
	spec->owner = enforce_owner(e, &spec->map);
	/* The watchdog is of that id, too, and counts. */
	if (spec->owner && e->fallback.max_processes)
		spec->max_processes =
			e->fallback.max_processes + (e->fallback.watch_memory ? 1 : 0);
}

int enforce_started(struct enforce *e, struct ctr *c, const struct idmap *map, int libexec_fd,
		    struct error *err)
{
	char limit[24], uid[16], ok;
	char *argv[] = { (char *)"carrel-watchdog", limit, uid, NULL };
	int ready[2], r;
	struct proc_fd fds[WATCH_FDS] = { { c->proc_fd, WATCH_PROC_FD },
					  { c->init.pidfd, WATCH_PIDFD },
					  { e->oom_fd, WATCH_EVENTS_FD } };
	struct proc_spec spec = {
		.dirfd = libexec_fd,
		.path = "watchdog",
		.argv = argv,
		.fds = fds,
		.n_fds = WATCH_FDS,
		.flags = PROC_SETSID | PROC_CLEAR_ENV,
	};

	if (!e->fallback.watch_memory)
		return 0;
	(void)snprintf(limit, sizeof(limit), "%" PRIu64, e->fallback.watch_memory);
	(void)snprintf(uid, sizeof(uid), "%u", enforce_owner(e, map));
	r = fd_pipe(ready);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	fds[3] = (struct proc_fd){ ready[1], WATCH_READY_FD };
	r = proc_spawn(&spec, &e->watchdog, err);
	fd_close(ready[1]);
	if (r == 0) {
		r = fd_read_full(ready[0], &ok, 1);
		if (r < 0)
			error_set(err, -EIO, "the memory watchdog did not start");
	}
	fd_close(ready[0]);
	fd_close(TAKE_FD(c->proc_fd));
	return r < 0 ? -EIO : 0;
}

int enforce_session(const struct enforce *e, const struct ctr *c, int ctr_dirfd, bool strict,
		    struct error *err)
{
	static const char why[] =
		"the kernel did not take the nice value of its session: too many are set at once";
	_cleanup_(enforced_done) struct enforced rows = { 0 };
	struct enforced_row *row;
	int r;

	if (!tune_session_is_lost(&e->fallback.tune, c->init.pid))
		return 0;
	if (strict) {
		error_set(err, -EOPNOTSUPP, "--cpu-shares is not enforced: %s", why);
		error_hint(err, "try again; without --strict it is a warning");
		return -EOPNOTSUPP;
	}
	r = enforced_read(ctr_dirfd, &rows, err);
	row = r == 0 ? find_row(&rows, "cpu-shares", "") : NULL;
	if (row) {
		ignore_result(str_copy(row->by, sizeof(row->by), "nothing")); /* both fit */
		ignore_result(str_copy(row->detail, sizeof(row->detail), why));
		warn_row(row);
	}
	return r < 0 ? r : enforced_write(ctr_dirfd, &rows, err);
}

int enforce_exec(struct enforce *e, const struct ctrconf *rec, int ctr_dirfd, struct error *err)
{
	_cleanup_(enforced_done) struct enforced told = { 0 }, rows = { 0 };
	int r;

	if (!asks_for_anything(rec))
		return 0;
	r = enforced_read(ctr_dirfd, &told, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < told.n; i++)
		if (str_eq(told.rows[i].by, "cgroup v2"))
			enforced_put(&rows, &told.rows[i]);
	return decide(e, rec, DCODE_NO_CGROUP, 0, &rows, err);
}

void enforce_done(struct enforce *e)
{
	proc_kill(&e->watchdog);
	fd_close(TAKE_FD(e->oom_fd));
}
