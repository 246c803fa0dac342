/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "storage/container.h"
#include "storage/ctrrec.h"
#include "storage/gc.h"
#include "storage/rmtree.h"
#include "storage/staging.h"

/*
 * Theory of operation. What a dead command leaves has a lock file that nobody holds: in staging/
 * for commands that change images, in the runtime directory for containers. A lock that we get is
 * looked behind while it is held, so a living owner never meets the sweep. The runtime directory
 * lists only containers of this boot: what the last boot left is looked at once, by whoever comes
 * first (the file `swept`).
 */
static const char swept_name[] = "swept";
static const char lock_suffix[] = ".lock";

#define ROOM_MIN (UINT64_C(2) << 30) /* below that trash is more than a delay */

struct sweep {
	struct store *s;
	struct strv runtime; /* names in the runtime directory */
	bool names_dirty;    /* a creation was cut: names may lead nowhere */
};

/* pid 1 outlived its supervisor: nobody would ever see its end. */
static int kill_recorded(const struct container_state *st)
{
	_cleanup_(proc_done) struct proc init = {
		.pid = st->pid,
		.pidfd = proc_open_recorded(st->pid, st->start_time),
	};
	int r = init.pidfd < 0 ? init.pidfd : proc_signal(&init, SIGKILL);

	return r == -ESRCH ? 0 : r;
}

static void drop_temporary(int dirfd)
{
	_cleanup_(strv_done) struct strv names = { 0 };

	if (store_names(dirfd, ".", &names) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (str_starts(names.v[i], ".tmp-"))
			(void)unlinkat(dirfd, names.v[i], 0);
}

/* Its cgroup, with whatever is still in it; that of another boot is gone anyway. */
static bool reclaim(struct container_state *st, const char *id)
{
	int r = cgroupfs_reclaim(st->cgroup, id);

	if (r < 0 && r != -EINVAL) {
		log_debug("sweep", "cgroup %s: %s", st->cgroup, strerror(-r));
		return false;
	}
	if (r == 1)
		return false;
	st->cgroup[0] = '\0';
	return true;
}

/* The record of a container whose lock we hold and whose supervisor is gone. -EAGAIN, and no error:
 * not now. */
static int bury(struct sweep *w, struct container *c, struct error *err)
{
	struct container_state *st = &c->state;
	bool was_running = st->status == CONTAINER_RUNNING, changed = false;
	char boot[ID_BOOT_LEN + 1] = "";
	int r = 0;

	if (was_running && id_boot(boot) == 0 && str_eq(boot, st->boot))
		r = kill_recorded(st);
	if (r < 0) { /* the record is all that leads to it */
		log_debug("sweep", "kill pid 1 of container %.12s: %s", c->id, strerror(-r));
		return -EAGAIN;
	}
	if (st->remove_at_end) {
		w->names_dirty = true;
		return container_remove(w->s, c, err);
	}
	if (st->cgroup[0])
		changed = reclaim(st, c->id);
	if (was_running) {
		st->status = CONTAINER_EXITED;
		st->exit_code = 137;
		st->pid = 0;
		timefmt_now(st->finished);
	}
	if (was_running || changed)
		r = container_write_state(c->dirfd, st);
	drop_temporary(c->dirfd);
	return r < 0 ? store_error(err, r, "write the end of container %.12s", c->id) : 0;
}

static bool has_living_supervisor(const struct store *s, const struct container_state *st)
{
	if (st->status == CONTAINER_EXITED || !str_eq(st->node, s->node))
		return false;
	return proc_recorded_lives(st->supervisor, st->supervisor_start);
}

/* A creation that ended before its record moved to containers/. */
static int drop_staged(struct sweep *w, const char *id, struct error *err)
{
	_cleanup_(fd_closep) int dir = store_dir(w->s, "staging");
	char name[ID_NODE_LEN + 1 + ID_LEN + 1];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s-%.64s", w->s->node, id);
	w->names_dirty = true;
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return store_trash(w->s, dir, name, err);
}

static int look_behind(struct sweep *w, const char *id, struct error *err)
{
	struct container c;
	int r;

	r = container_open_record(w->s, "containers", id, &c);
	if (r == -ENOENT)
		return drop_staged(w, id, err);
	if (r < 0)
		return 0;				 /* of a newer version: not ours to judge */
	ignore_result(str_copy(c.id, sizeof(c.id), id)); /* it was a valid id */
	if (staging_is_local(w->s, c.state.node) && !has_living_supervisor(w->s, &c.state))
		r = bury(w, &c, err);
	container_done(&c);
	return r;
}

static bool is_id(const char *s, size_t n)
{
	return n == ID_LEN && strspn(s, "0123456789abcdef") >= ID_LEN;
}

/* Sockets and whatever else a dead container had in the runtime directory: "<id>...". */
static void drop_runtime_files(struct sweep *w, const char *id)
{
	for (size_t i = 0; i < w->runtime.n; i++) {
		const char *name = w->runtime.v[i];

		if (strncmp(name, id, ID_LEN) == 0 && !str_eq(name + ID_LEN, lock_suffix))
			(void)unlinkat(w->s->runtime_fd, name, 0);
	}
}

static int sweep_one(struct sweep *w, const char *id, struct error *err)
{
	char lname[ID_LEN + 8];
	_cleanup_(fd_closep) int lock = lock_try(w->s->runtime_fd, ctrrec_lock_name(id, lname));
	int r;

	if (lock < 0)
		return 0; /* alive */
	r = look_behind(w, id, err);
	if (r == -EAGAIN)
		return 0; /* the next command's, by the lock file that stays */
	if (r == 0) {
		drop_runtime_files(w, id);
		(void)unlinkat(w->s->runtime_fd, lname, 0);
	}
	return r;
}

static int sweep_runtime(struct sweep *w, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->runtime.n; i++) {
		char id[ID_LEN + 1];
		const char *name = w->runtime.v[i];
		size_t n = strlen(name);

		if (!str_ends(name, lock_suffix) || !is_id(name, n - strlen(lock_suffix)))
			continue;
		memcpy(id, name, ID_LEN);
		id[ID_LEN] = '\0';
		r = sweep_one(w, id, err);
	}
	return r;
}

/* Once per boot: containers and creations of this machine from before. */
static int sweep_all(struct sweep *w, struct error *err)
{
	_cleanup_(strv_done) struct strv made = { 0 }, staged = { 0 };
	_cleanup_(fd_closep) int staging = store_dir(w->s, "staging");
	int r = store_names(w->s->root_fd, "containers", &made), fd;

	if (r == 0 && staging >= 0)
		r = store_names(staging, ".", &staged);
	if (r < 0)
		return store_error(err, r, "read %s/containers", w->s->path);
	for (size_t i = 0; r == 0 && i < made.n; i++)
		if (is_id(made.v[i], strlen(made.v[i])))
			r = sweep_one(w, made.v[i], err);
	for (size_t i = 0; r == 0 && i < staged.n; i++) {
		const char *id;

		if (!staging_is_container(staged.v[i], &id) || !staging_is_local(w->s, staged.v[i]))
			continue;
		w->names_dirty = true;
		r = strncmp(staged.v[i], w->s->node, ID_NODE_LEN) == 0
			    ? sweep_one(w, id, err)
			    : store_trash(w->s, staging, staged.v[i], err);
	}
	if (r < 0)
		return r;
	fd = openat(w->s->runtime_fd, swept_name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	fd_close(fd); /* without it the next command looks again */
	return 0;
}

static int sweep_containers(struct sweep *w, struct error *err)
{
	int r = store_names(w->s->runtime_fd, ".", &w->runtime);
	bool first = true;

	if (r < 0)
		return store_error(err, r, "read %s", w->s->runtime_path);
	for (size_t i = 0; i < w->runtime.n; i++)
		if (str_eq(w->runtime.v[i], swept_name))
			first = false;
	r = sweep_runtime(w, err);
	if (r == 0 && first)
		r = sweep_all(w, err);
	if (r == 0 && w->names_dirty)
		r = ctrrec_drop_stale_names(w->s, err);
	return r;
}

static int sweep_staging(struct store *s, struct error *err)
{
	struct dead_staging dead = { 0 };
	int r, lock = -1;

	r = staging_collect(s, &dead, err);
	if (r == 0 && dead.names.n) {
		lock = store_lock(s, err);
		r = lock < 0 ? lock : gc_collect(s, &dead, err);
		if (r == 0)
			r = staging_drop_dead(s, &dead, err);
	}
	dead_staging_done(&dead);
	fd_close(lock);
	return r;
}

int store_sweep(struct store *s, struct error *err)
{
	struct sweep w = { .s = s };
	int r, lock;

	lock = lock_try(s->runtime_fd, CTRREC_SWEEP_LOCK);
	if (lock == -EAGAIN)
		return 0; /* somebody is at it */
	if (lock < 0)
		return error_code(err, lock, "lock %s/" CTRREC_SWEEP_LOCK, s->runtime_path);
	r = sweep_containers(&w, err);
	strv_done(&w.runtime);
	if (r == 0)
		r = sweep_staging(s, err);
	fd_close(lock);
	return r;
}

struct waiting {
	const char *name; /* borrowed */
	struct timespec since;
};

static int compare_waiting(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->since.tv_sec != y->since.tv_sec)
		return (x->since.tv_sec < y->since.tv_sec) - (x->since.tv_sec > y->since.tv_sec);
	return (x->since.tv_nsec < y->since.tv_nsec) - (x->since.tv_nsec > y->since.tv_nsec);
}

/* The youngest first, by the rename that brought them: with a budget each command at least takes
 * away what it has added itself, whatever large ones lie there. */
static struct waiting *list_waiting(int trash_fd, const struct strv *names)
{
	struct waiting *list = xcalloc(names->n + 1, sizeof(*list));

	for (size_t i = 0; i < names->n; i++) {
		struct stat st;

		list[i].name = names->v[i];
		if (fstatat(trash_fd, names->v[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			list[i].since = st.st_ctim;
	}
	qsort(list, names->n, sizeof(*list), compare_waiting);
	return list;
}

int store_empty_trash(int trash_fd, unsigned budget_ms, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	_cleanup_(freep) struct waiting *list = NULL;
	int64_t start = clock_ms();
	int r, first = 0;

	r = store_names(trash_fd, ".", &names);
	if (r < 0)
		return store_error(err, r, "read the trash");
	list = list_waiting(trash_fd, &names);
	for (size_t i = 0; i < names.n; i++) {
		int64_t used = budget_ms ? clock_ms() - start : 0;

		if (budget_ms && used >= budget_ms)
			return 1;
		r = rmtree(trash_fd, list[i].name, budget_ms - (unsigned)used,
			   RMTREE_PARALLEL | RMTREE_ALONE);
		if (r > 0)
			return 1;
		/* -EAGAIN: another command is at it, and will finish it */
		if (r < 0 && r != -EAGAIN && first == 0)
			first = store_error(err, r, "empty the trash");
	}
	return first;
}

int store_has_trash(struct store *s)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = store_names(s->root_fd, "trash", &names);

	return r < 0 ? r : names.n > 0;
}

void store_make_room(struct store *s)
{
	_cleanup_(fd_closep) int fd = -1;
	struct error err = { 0 };
	struct statvfs fs;

	if (fstatvfs(s->root_fd, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_MIN ||
	    store_has_trash(s) <= 0)
		return;
	fd = store_dir(s, "trash");
	if (fd >= 0 && store_empty_trash(fd, 0, &err) < 0)
		log_debug("sweep", "%s", err.text); /* the writer will see how far it comes */
}
