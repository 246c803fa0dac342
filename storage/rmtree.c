/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: directories are nodes on one LIFO of work that one or two threads serve. A
 * worker scans a node: files are unlinked at once, subdirectories become nodes of their own. The
 * last one to finish below a node removes its directory and goes on upwards. LIFO order keeps the
 * open directories on one path per worker; the path is never longer than RMTREE_DEPTH, because
 * deeper directories are renamed into the top directory first. No recursion, no "..".
 */
#include "config.h"

#include "storage/rmtree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

/* #syscalls:unpack openat newfstatat fchmod fchmodat getdents64 lseek unlinkat renameat */
/* #syscalls:unpack close clock_gettime futex */

enum {
	DENTS_SIZE = 32 << 10,
	/* Subdirectories taken by one scan; a rescan finds the others. Bounds the memory. */
	BATCH_MAX = 4096,
	CLOCK_EVERY = 64,
	/* Entries before the second thread: a container that wrote little is gone before one
	   starts. */
	PARALLEL_AFTER = 256,
};

struct node {
	struct node *parent;
	int fd;
	unsigned depth;
	unsigned pending; /* children not yet gone, + 1 while it waits or is scanned */
	unsigned removed; /* since the scan began: is another scan worth it? */
	char name[];
};

struct job {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct node **todo;
	size_t n_todo, cap_todo;
	unsigned busy;
	unsigned serial;
	bool over; /* out of time: nothing new is begun */
	int err;
	struct timespec deadline;
	bool limited;
	struct node *top;
	bool want_second, has_second;
	unsigned seen; /* while there is one thread */
	pthread_t second;
};

struct linux_dirent {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

static void job_fail(struct job *j, int err)
{
	pthread_mutex_lock(&j->lock);
	if (!j->err)
		j->err = err;
	pthread_mutex_unlock(&j->lock);
}

static bool job_over(struct job *j)
{
	struct timespec now;

	if (!j->limited)
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	if (now.tv_sec < j->deadline.tv_sec ||
	    (now.tv_sec == j->deadline.tv_sec && now.tv_nsec < j->deadline.tv_nsec))
		return false;
	pthread_mutex_lock(&j->lock);
	j->over = true;
	pthread_cond_broadcast(&j->wake);
	pthread_mutex_unlock(&j->lock);
	return true;
}

/* The caller holds the lock. */
static void push_locked(struct job *j, struct node *n)
{
	j->todo = array_grow(j->todo, j->n_todo, &j->cap_todo, sizeof(*j->todo));
	j->todo[j->n_todo++] = n;
	pthread_cond_signal(&j->wake);
}

static void add_child(struct job *j, struct node *parent, const char *name)
{
	size_t len = strlen(name) + 1;
	struct node *n = xmalloc(sizeof(*n) + len);

	*n = (struct node){ .parent = parent, .fd = -1, .depth = parent->depth + 1, .pending = 1 };
	memcpy(n->name, name, len);
	pthread_mutex_lock(&j->lock);
	parent->pending++;
	push_locked(j, n);
	pthread_mutex_unlock(&j->lock);
}

static void count_removed(struct job *j, struct node *n)
{
	pthread_mutex_lock(&j->lock);
	n->removed++;
	pthread_mutex_unlock(&j->lock);
}

static int open_dir(int dirfd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);
	struct stat st;

	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		/* The directory above may lack x: it is only in the way, like its entries. */
		if (errno != EACCES || fchmod(dirfd, 0700) < 0 ||
		    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (fchmodat(dirfd, name, 0700, 0) < 0)
		return -errno;
	fd = openat(dirfd, name, flags);
	return fd < 0 ? -errno : fd;
}

/* unlinkat; a directory of ours that lacks w or x gets them first. */
static int unlink_in(int fd, const char *name, int flags)
{
	if (unlinkat(fd, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EACCES || fchmod(fd, 0700) < 0)
		return -errno;
	return unlinkat(fd, name, flags) < 0 && errno != ENOENT ? -errno : 0;
}

/* Too deep: make it a child of the top. Where that fails the depth simply grows by one. */
static void add_deep(struct job *j, struct node *n, const char *name)
{
	char flat[32];

	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&j->lock);
		(void)snprintf(flat, sizeof(flat), ".deep-%u", j->serial++);
		pthread_mutex_unlock(&j->lock);
		if (renameat(n->fd, name, j->top->fd, flat) == 0) {
			count_removed(j, n);
			add_child(j, j->top, flat);
			return;
		}
		if (errno == EACCES && i == 0) {
			/* ".." of a moved directory changes: it must be writable itself. */
			ignore_result(fchmod(n->fd, 0700));	       /* the retry tells */
			ignore_result(fchmodat(n->fd, name, 0700, 0)); /* the retry tells */
			continue;
		}
		/* The name is taken by something in the tree: the next number. */
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			break;
	}
	add_child(j, n, name);
}

static void scan_entry(struct job *j, struct node *n, const struct linux_dirent *d, unsigned *taken)
{
	int r = -EISDIR;

	if (d->type != DT_DIR)
		r = unlink_in(n->fd, d->name, 0);
	if (r == 0) {
		count_removed(j, n);
	} else if (r == -EISDIR) {
		++*taken;
		if (n->depth >= RMTREE_DEPTH)
			add_deep(j, n, d->name);
		else
			add_child(j, n, d->name);
	} else {
		job_fail(j, r);
	}
}

static void *work(void *arg);

static void maybe_start_second(struct job *j)
{
	if (!j->want_second || ++j->seen < PARALLEL_AFTER)
		return;
	j->want_second = false;
	/* Without the thread it only takes longer. */
	j->has_second = pthread_create(&j->second, NULL, work, j) == 0;
}

static void scan(struct job *j, struct node *n, char *buf)
{
	unsigned taken = 0, seen = 0;
	long len;

	if (n->fd < 0)
		n->fd = open_dir(n->parent->fd, n->name);
	if (n->fd < 0) {
		if (n->fd != -ENOENT)
			job_fail(j, n->fd);
		return;
	}
	if (lseek(n->fd, 0, SEEK_SET) < 0)
		return;
	while (taken < BATCH_MAX && (len = syscall(SYS_getdents64, n->fd, buf, DENTS_SIZE)) > 0) {
		for (long o = 0; o < len;) {
			const struct linux_dirent *d = (const void *)(buf + o);

			o += d->len;
			if (str_eq(d->name, ".") || str_eq(d->name, ".."))
				continue;
			if (seen++ % CLOCK_EVERY == 0 && job_over(j))
				return;
			maybe_start_second(j);
			scan_entry(j, n, d, &taken);
		}
	}
}

/* Its scan or a child is done. Removes the directory when that was the last; then upwards. */
static void node_put(struct job *j, struct node *n)
{
	while (n) {
		struct node *parent = n->parent;
		bool again;
		int r = 0;

		pthread_mutex_lock(&j->lock);
		if (--n->pending) {
			pthread_mutex_unlock(&j->lock);
			return;
		}
		again = n->removed && !j->over;
		pthread_mutex_unlock(&j->lock);
		if (parent && n->fd != -ENOENT)
			r = unlink_in(parent->fd, n->name, AT_REMOVEDIR);
		if (again && (!parent || r == -ENOTEMPTY)) {
			pthread_mutex_lock(&j->lock);
			n->removed = 0;
			n->pending = 1;
			push_locked(j, n);
			pthread_mutex_unlock(&j->lock);
			return;
		}
		if (!parent)
			return;
		if (r == 0)
			count_removed(j, parent);
		else if (!j->over)
			job_fail(j, r);
		if (n->fd >= 0)
			fd_close(n->fd);
		free(n);
		n = parent;
	}
}

static void *work(void *arg)
{
	_cleanup_(freep) char *buf = xmalloc(DENTS_SIZE);
	struct job *j = arg;

	pthread_mutex_lock(&j->lock);
	for (;;) {
		struct node *n;

		while (!j->n_todo && j->busy)
			pthread_cond_wait(&j->wake, &j->lock);
		if (!j->n_todo)
			break;
		n = j->todo[--j->n_todo];
		j->busy++;
		pthread_mutex_unlock(&j->lock);
		if (!job_over(j))
			scan(j, n, buf);
		node_put(j, n);
		pthread_mutex_lock(&j->lock);
		j->busy--;
	}
	pthread_cond_broadcast(&j->wake);
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static void set_deadline(struct job *j, unsigned budget_ms)
{
	j->limited = budget_ms != 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &j->deadline); /* cannot fail */
	j->deadline.tv_sec += budget_ms / 1000;
	j->deadline.tv_nsec += (long)(budget_ms % 1000) * 1000000;
	if (j->deadline.tv_nsec >= 1000000000) {
		j->deadline.tv_nsec -= 1000000000;
		j->deadline.tv_sec++;
	}
}

static int empty_dir(int fd, unsigned budget_ms, enum rmtree_flags flags)
{
	struct node top = { .fd = fd, .pending = 1 };
	struct job j = { .lock = PTHREAD_MUTEX_INITIALIZER,
			 .wake = PTHREAD_COND_INITIALIZER,
			 .top = &top,
			 .want_second = flags & RMTREE_PARALLEL };

	set_deadline(&j, budget_ms);
	push_locked(&j, &top);
	(void)work(&j); /* always NULL */
	if (j.has_second)
		(void)pthread_join(j.second, NULL); /* cannot fail for our own thread */
	free(j.todo);
	if (j.over)
		return 1;
	return j.err;
}

/* Two processes in one tree spin in the kernel over its dentries and are slower than one. */
static bool is_taken(int fd, enum rmtree_flags flags)
{
	/* A file system without locks: as if nobody were there, which is slow but right. */
	return (flags & RMTREE_ALONE) && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int rmtree(int dirfd, const char *name, unsigned budget_ms, enum rmtree_flags flags)
{
	_cleanup_(fd_closep) int fd = -1;
	int r;

	if (!(flags & RMTREE_CONTENT)) {
		if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return -errno;
		/* The common small case, without a scan. */
		if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
			return 0;
	}
	fd = open_dir(dirfd, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (is_taken(fd, flags))
		return -EAGAIN;
	r = empty_dir(fd, budget_ms, flags);
	if (r != 0 || (flags & RMTREE_CONTENT))
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}
