/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "watchdog/sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/procstat.h"
#include "watchdog/procfmt.h"

/* #syscalls: openat pread64 close getdents64 lseek clock_gettime */

enum {
	NAMES_MAX = 8 << 10,
	TEXT_MAX = 4096,
	WAITERS_MAX = 64,
	NO_EXEC_YET = 0x40, /* PF_FORKNOEXEC */
	SLOW_AFTER_MS = 100,
	ESTIMATE_SEEN_MIN = 4, /* processes */
	ESTIMATE_FAR = 2,      /* times what is enough */
	NAME_MAX_LEN = 48,     /* "PID/task/TID" */
	THREAD_TRIES = 32,     /* against threads that follow one another */
	THREADS_FEW = 64,      /* in a longer list not all can be new each time */
};

struct kernel_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* A process with threads that wait for a vfork child. */
struct waiter {
	uint64_t pid;
	unsigned threads, excused;
};

/* Where /proc tells a process's memory, and what: pages. */
struct memory {
	char name[NAME_MAX_LEN];
	uint64_t size, resident;
};

struct walk {
	int dirfd;
	long page;
	bool proportional;
	uint64_t sum, enough;
	/* For the estimate: what is resident in all, and in those that were seen. */
	uint64_t resident, seen_resident;
	unsigned seen;
	int64_t slow_from; /* ms of the monotonic clock */
	struct waiter waiters[WAITERS_MAX];
	unsigned n_waiters;
	/* Of the threads of one process. */
	struct memory found;
	bool is_done;
};

typedef void (*visit_fn)(struct walk *w, const char *name);

static ssize_t read_text(int dirfd, const char *name, const char *file, char text[TEXT_MAX])
{
	_cleanup_(fd_closep) int fd = -1;
	char path[64];
	size_t a = strlen(name), b = strlen(file);

	if (a + b + 2 > sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, name, a);
	path[a] = '/';
	memcpy(path + a + 1, file, b + 1);
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd_read_text(fd, text, TEXT_MAX);
}

static bool is_enough(struct walk *w)
{
	double estimate;

	if (!w->proportional || w->sum > w->enough)
		return w->proportional;
	if (w->seen < ESTIMATE_SEEN_MIN || clock_ms() < w->slow_from)
		return false;
	estimate = (double)w->sum / (double)w->seen_resident * (double)w->resident;
	if (estimate < (double)w->enough * ESTIMATE_FAR)
		return false;
	w->sum = (uint64_t)estimate;
	w->seen_resident = w->resident;
	return true;
}

/* Each entry whose name is a number. */
static int each(struct walk *w, int dirfd, visit_fn visit)
{
	union {
		char bytes[NAMES_MAX];
		struct kernel_dirent align;
	} buf;

	for (;;) {
		long n = syscall(SYS_getdents64, dirfd, buf.bytes, sizeof(buf.bytes));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct kernel_dirent *d = (const void *)(buf.bytes + at);

			at += d->len;
			if (d->name[0] >= '1' && d->name[0] <= '9')
				visit(w, d->name);
			if (w->is_done || is_enough(w))
				return 0;
		}
	}
}

static bool get_statm(int dirfd, const char *name, uint64_t *size, uint64_t *resident)
{
	char text[TEXT_MAX];
	ssize_t n = read_text(dirfd, name, "statm", text);

	return n > 0 && procfmt_statm(text, (size_t)n, size, resident) == 0;
}

static bool get_stat(int dirfd, const char *name, struct procstat *ret)
{
	char text[TEXT_MAX];
	ssize_t n = read_text(dirfd, name, "stat", text);

	return n > 0 && procstat_parse(text, (size_t)n, ret) == 0;
}

static void count_waiting(struct walk *w, const char *name)
{
	struct procstat st;

	if (get_stat(w->dirfd, name, &st) && st.state == 'D')
		w->waiters->threads++;
}

static int open_tasks(int dirfd, const char *name)
{
	char path[32];
	int fd;

	if (strlen(name) > sizeof(path) - sizeof("/task"))
		return -ENAMETOOLONG;
	memcpy(path, name, strlen(name));
	memcpy(path + strlen(name), "/task", sizeof("/task"));
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* How many threads of this process wait as for a vfork child. */
static unsigned waiting_threads(const struct walk *w, const char *name)
{
	_cleanup_(fd_closep) int fd = open_tasks(w->dirfd, name);
	struct walk threads = { .dirfd = fd };

	if (fd < 0)
		return 0;
	ignore_result(each(&threads, fd, count_waiting)); /* ended: the sum is what it is */
	return threads.waiters->threads;
}

static void look_at_thread(struct walk *w, const char *name)
{
	struct memory *m = &w->found;

	w->seen++;
	if (strlen(name) >= sizeof(m->name) || !get_statm(w->dirfd, name, &m->size, &m->resident))
		return;
	memcpy(m->name, name, strlen(name) + 1);
	w->is_done = m->size > 0;
}

/*
 * The first thread may have ended before the others, and of the memory /proc/PID tells what that
 * one has: nothing. Where each thread starts the next one and ends, the list is old when it is
 * read.
 */
static bool find_in_threads(const struct walk *w, const char *name, struct memory *ret)
{
	_cleanup_(fd_closep) int fd = open_tasks(w->dirfd, name);
	struct walk threads = { .dirfd = fd };
	size_t len = strlen(name);

	if (fd < 0)
		return false;
	for (int i = 0; !threads.is_done && i < (threads.seen > THREADS_FEW ? 2 : THREAD_TRIES);
	     i++) {
		threads.seen = 0;
		if (lseek(fd, 0, SEEK_SET) < 0 || each(&threads, fd, look_at_thread) < 0 ||
		    threads.seen < 2)
			break; /* it has ended, or is a zombie as a whole */
	}
	if (!threads.is_done ||
	    len + strlen("/task/") + strlen(threads.found.name) >= sizeof(ret->name))
		return false;
	*ret = threads.found;
	memcpy(ret->name, name, len);
	memcpy(ret->name + len, "/task/", strlen("/task/"));
	memcpy(ret->name + len + strlen("/task/"), threads.found.name,
	       strlen(threads.found.name) + 1);
	return true;
}

/* False: it has none, or has ended. */
static bool get_memory(const struct walk *w, const char *name, struct memory *ret)
{
	size_t len = strlen(name);

	if (len >= sizeof(ret->name) || !get_statm(w->dirfd, name, &ret->size, &ret->resident))
		return false;
	memcpy(ret->name, name, len + 1);
	return ret->size > 0 || find_in_threads(w, name, ret);
}

static struct waiter *find_waiter(struct walk *w, uint64_t pid, const char *name)
{
	struct waiter *it;

	for (unsigned i = 0; i < w->n_waiters; i++)
		if (w->waiters[i].pid == pid)
			return &w->waiters[i];
	if (w->n_waiters == WAITERS_MAX)
		return NULL;
	it = &w->waiters[w->n_waiters++];
	*it = (struct waiter){ .pid = pid, .threads = waiting_threads(w, name) };
	return it;
}

/* 20 digits at most. */
static void format_pid(uint64_t pid, char text[24])
{
	char *p = text + 23;

	*p = '\0';
	do {
		*--p = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid);
	memmove(text, p, (size_t)(text + 24 - p));
}

/*
 * Bytes of this process that are its parent's, where that waits for it as for a vfork child. Never
 * more than the parent has: the flags and the virtual size of a forked child, which has memory of
 * its own, may be the same.
 */
static uint64_t borrowed(struct walk *w, const char *name, uint64_t size)
{
	struct procstat st;
	struct memory its;
	struct waiter *it;
	char parent[24];

	if (!get_stat(w->dirfd, name, &st) || !(st.flags & NO_EXEC_YET) || st.parent == 0)
		return 0;
	format_pid(st.parent, parent);
	if (!get_memory(w, parent, &its) || its.size != size)
		return 0;
	it = find_waiter(w, st.parent, parent);
	if (!it || it->excused >= it->threads)
		return 0;
	it->excused++;
	return its.resident * (uint64_t)w->page;
}

static void add_process(struct walk *w, const char *name)
{
	char text[TEXT_MAX];
	uint64_t bytes, lent;
	struct memory m;
	ssize_t n;

	if (!get_memory(w, name, &m))
		return;
	bytes = m.resident * (uint64_t)w->page;
	if (w->proportional) {
		lent = borrowed(w, name, m.size);
		if (lent >= bytes)
			return;
		w->seen_resident += bytes;
		w->seen += bytes > 0;
		n = read_text(w->dirfd, m.name, "smaps_rollup", text);
		if (n > 0)
			ignore_result(procfmt_pss(text, (size_t)n, &bytes)); /* else: resident */
		bytes -= lent < bytes ? lent : bytes;
	}
	w->sum += bytes;
}

static int all(struct walk *w)
{
	w->page = sysconf(_SC_PAGESIZE);
	return lseek(w->dirfd, 0, SEEK_SET) < 0 ? -errno : each(w, w->dirfd, add_process);
}

int sample_resident(int dirfd, uint64_t *ret)
{
	struct walk w = { .dirfd = dirfd };
	int r = all(&w);

	if (r == 0)
		*ret = w.sum;
	return r;
}

int sample_proportional(int dirfd, uint64_t enough, uint64_t resident, struct sample *ret)
{
	struct walk w = { .dirfd = dirfd,
			  .proportional = true,
			  .enough = enough,
			  .resident = resident,
			  .slow_from = clock_ms() + SLOW_AFTER_MS };
	int r = all(&w);

	if (r == 0)
		*ret = (struct sample){
			.bytes = w.sum,
			.of = w.seen_resident,
			.slow = clock_ms() >= w.slow_from,
		};
	return r;
}
