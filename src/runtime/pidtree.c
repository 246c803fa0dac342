/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/pidtree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"

enum {
	NESTING_MAX = 32, /* the kernel's MAX_PID_NS_LEVEL */
	STOP_MS = 10000,  /* against a container that forks faster than we stop */
	STOP_POLL_MS = 1,
	DISK_MS = 1000, /* against a call that no signal ends: of a dead disk, or vfork's */
};

struct scan {
	int proc;
	ino_t target, own;
	struct pidtree *t;
};

static int ns_inode(int proc, const char *path, ino_t *ret)
{
	struct stat st;

	if (fstatat(proc, path, &st, 0) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

/* A container may have pid namespaces below its own. */
static bool is_below(const struct scan *s, const char *path)
{
	int fd = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	bool found = false;

	for (int i = 0; i < NESTING_MAX && fd >= 0 && !found; i++) {
		int parent = ioctl(fd, NS_GET_PARENT);
		struct stat st;

		fd_close(fd);
		fd = parent;
		found = fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == s->target;
	}
	fd_close(fd);
	return found;
}

static bool is_in(const struct scan *s, const char *pid)
{
	char path[48];
	ino_t ino = 0;

	(void)snprintf(path, sizeof(path), "%.16s/ns/pid", pid);
	/* EACCES: not ours, so not in a container of ours. */
	if (ns_inode(s->proc, path, &ino) < 0 || ino == s->own)
		return false;
	return ino == s->target || is_below(s, path);
}

/* Of a process below /proc, or of a thread below its task directory. */
static bool read_stat(int dir, const char *name, struct procstat *ret)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[48];

	(void)snprintf(path, sizeof(path), "%.16s/stat", name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && procstat_read(fd, ret) == 0;
}

static int add(struct scan *s, const char *name)
{
	struct pidtree_proc p = { 0 };
	uint32_t pid;

	if (num_u32(name, &pid) < 0 || !is_in(s, name))
		return 0;
	p.pid = (pid_t)pid;
	/* It has just ended. A zombie runs no more. */
	if (!read_stat(s->proc, name, &p.stat))
		return 0;
	if (s->t->n >= PIDTREE_MAX)
		return -E2BIG;
	s->t->procs = array_grow(s->t->procs, s->t->n, &s->t->cap, sizeof(*s->t->procs));
	s->t->procs[s->t->n++] = p;
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct pidtree_proc *x = a, *y = b;

	if (x->stat.start_time != y->stat.start_time)
		return x->stat.start_time < y->stat.start_time ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int pidtree_read(pid_t init, struct pidtree *ret, struct error *err)
{
	struct pidtree t = { 0 };
	struct scan s = { .proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .t = &t };
	struct dirent *e;
	char path[48];
	DIR *d;
	int r;

	if (s.proc < 0)
		return error_sys(err, "open /proc");
	d = fdopendir(s.proc);
	if (!d) {
		fd_close(s.proc);
		return error_sys(err, "read /proc");
	}
	(void)snprintf(path, sizeof(path), "%d/ns/pid", init);
	r = ns_inode(s.proc, path, &s.target);
	if (r == 0)
		r = ns_inode(s.proc, "self/ns/pid", &s.own);
	while (r == 0 && (e = readdir(d)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			r = add(&s, e->d_name);
	(void)closedir(d);
	if (r < 0) {
		free(t.procs);
		return error_code(err, r == -ENOENT ? -ESRCH : r,
				  "look at the container's processes");
	}
	if (t.n)
		qsort(t.procs, t.n, sizeof(*t.procs), by_age);
	*ret = t;
	return 0;
}

void pidtree_done(struct pidtree *t)
{
	free(t->procs);
	*t = (struct pidtree){ 0 };
}

static void send_to(const struct pidtree_proc *p, int sig)
{
	struct proc proc = { .pid = p->pid,
			     .pidfd = proc_open_recorded(p->pid, p->stat.start_time) };

	if (proc.pidfd < 0)
		return;				/* it has ended */
	ignore_result(proc_signal(&proc, sig)); /* ended since */
	proc_done(&proc);
}

static bool had(const struct pidtree *t, const struct pidtree_proc *p)
{
	return t->n && bsearch(p, t->procs, t->n, sizeof(*t->procs), by_age);
}

/* 'D' stops behind its call, and has yet to do its work: it is waited for, but not for ever. */
static bool runs(char state, bool is_late)
{
	return state == 'R' || state == 'S' || (state == 'D' && !is_late);
}

/* The state of a process is that of its first thread, which may have ended before the others. */
static bool thread_runs(pid_t pid, bool is_late)
{
	struct procstat st;
	char path[32];
	bool found = false;
	struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d)))
		found = read_stat(dirfd(d), e->d_name, &st) && runs(st.state, is_late);
	if (d)
		(void)closedir(d);
	return found;
}

/* It has the signal, and on a busy machine not yet a CPU to take it on; until then it may fork. */
static bool is_on_its_way(const struct pidtree_proc *p, bool is_late)
{
	return runs(p->stat.state, is_late) ||
	       (p->stat.threads > 1 && thread_runs(p->pid, is_late));
}

/* Stop what there is. True when nobody was new, and nobody is on its way. */
static bool stop_pass(const struct pidtree *now, const struct pidtree *last, bool is_late)
{
	bool is_new = false, on_its_way = false;

	for (size_t i = 0; i < now->n; i++) {
		const struct pidtree_proc *p = &now->procs[i];

		is_new |= !had(last, p);
		on_its_way = on_its_way || is_on_its_way(p, is_late);
		/* Twice over: one may have been continued from inside. */
		if (p->stat.state != 'T')
			send_to(p, SIGSTOP);
	}
	if (!is_new && on_its_way)
		(void)poll(NULL, 0, STOP_POLL_MS); /* /proc tells nobody when they are there */
	return !is_new && !on_its_way;
}

int pidtree_stop(pid_t init, struct error *err)
{
	int64_t begin = clock_ms();
	struct pidtree last = { 0 };
	int quiet = 0, r = 0;

	while (quiet < 2 && r == 0 && clock_ms() < begin + STOP_MS) {
		bool is_late = clock_ms() >= begin + DISK_MS;
		struct pidtree now = { 0 };

		r = pidtree_read(init, &now, err);
		if (r < 0)
			break;
		quiet = stop_pass(&now, &last, is_late) ? quiet + 1 : 0;
		pidtree_done(&last);
		last = now;
	}
	pidtree_done(&last);
	if (r == 0 && quiet < 2)
		return error_set(err, -EAGAIN,
				 "some of its processes did not stop within ten seconds");
	return r;
}

int pidtree_continue(pid_t init, struct error *err)
{
	_cleanup_(pidtree_done) struct pidtree t = { 0 };
	int r = pidtree_read(init, &t, err);

	if (r < 0)
		return r;
	/* Children first: then no parent sees a child of its own that is stopped. */
	for (size_t i = t.n; i-- > 0;)
		send_to(&t.procs[i], SIGCONT);
	return 0;
}
