/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/cgroupfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

enum {
	DEPTH_MAX = 16,	     /* of cgroups that a container may have made in its own */
	KILL_WAIT_MS = 2000, /* for processes that were sent SIGKILL */
};

static const char prefix[] = "carrel-";

char *cgroupfs_name(const char *id, char buf[CGROUPFS_NAME_MAX])
{
	(void)snprintf(buf, CGROUPFS_NAME_MAX, "%s%.64s", prefix, id);
	return buf;
}

char *cgroupfs_super_name(const char *id, char buf[CGROUPFS_NAME_MAX])
{
	(void)snprintf(buf, CGROUPFS_NAME_MAX, "%s%.64s.super", prefix, id);
	return buf;
}

static int check_magic(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == CGROUP2_SUPER_MAGIC ? 0 : -EXDEV;
}

int cgroupfs_open_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_(fd_closep) int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && check_magic(fd) == 0)
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

int cgroupfs_open(int root_fd, const char *path)
{
	_cleanup_(fd_closep) int fd = path_open_beneath(root_fd, *path ? path : ".",
							O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return fd;
	r = check_magic(fd);
	return r < 0 ? r : TAKE_FD(fd);
}

int cgroupfs_pread(int fd, char *buf, size_t size)
{
	ssize_t n = fd_read_head(fd, buf, size - 1);

	if (n >= 0)
		buf[n] = '\0';
	return (int)n;
}

int cgroupfs_read(int dirfd, const char *file, char *buf, size_t size)
{
	_cleanup_(fd_closep) int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : cgroupfs_pread(fd, buf, size);
}

int cgroupfs_write(int dirfd, const char *file, const char *text)
{
	return path_write_text(dirfd, file, text);
}

int cgroupfs_enter(int dirfd, pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", pid);
	return cgroupfs_write(dirfd, "cgroup.procs", text);
}

int cgroupfs_key(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		char value[24];
		size_t len;

		if (strncmp(p, key, n) != 0 || p[n] != ' ')
			continue;
		len = strcspn(p + n + 1, "\n");
		if (len >= sizeof(value))
			return -ERANGE;
		memcpy(value, p + n + 1, len);
		value[len] = '\0';
		return num_u64(value, ret);
	}
	return -ENODATA;
}

int cgroupfs_has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text + strspn(text, " \n"); *p; p += strspn(p, " \n")) {
		size_t len = strcspn(p, " \n");

		if (len == n && strncmp(p, word, n) == 0)
			return 1;
		p += len;
	}
	return 0;
}

/* Before 5.14: one by one, again while somebody forks. */
static int kill_each(int dirfd)
{
	char text[CGROUPFS_TEXT_MAX];

	for (int round = 0; round < 64; round++) {
		int n = cgroupfs_read(dirfd, "cgroup.procs", text, sizeof(text));

		if (n <= 0)
			return n;
		for (char *p = text; *p;) {
			size_t len = strcspn(p, "\n");
			char *next = p[len] ? p + len + 1 : p + len;
			int fd = -1;
			uint32_t pid;

			p[len] = '\0';
			if (num_u32(p, &pid) == 0 && pid > 0)
				fd = (int)syscall(SYS_pidfd_open, pid, 0);
			if (fd >= 0)
				ignore_result(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL,
						      0)); /* it may just have ended */
			fd_close(fd);
			p = next;
		}
	}
	return 0;
}

int cgroupfs_kill(int dirfd)
{
	int r = cgroupfs_write(dirfd, "cgroup.kill", "1");

	return r == -ENOENT ? kill_each(dirfd) : r;
}

int cgroupfs_wait(int events_fd, const char *key, uint64_t value, int timeout_ms)
{
	int64_t end = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd p = { .fd = events_fd, .events = POLLPRI };
		int n, left = (int)(end - clock_ms());
		uint64_t now;
		char text[256];

		/* The read arms the notice; what changes after it is not missed. */
		n = cgroupfs_pread(events_fd, text, sizeof(text));
		if (n < 0)
			return n == -ENODEV ? 0 : n; /* removed meanwhile */
		if (cgroupfs_key(text, key, &now) < 0)
			return -EIO;
		if (now == value)
			return 0;
		if (left <= 0)
			return -ETIME;
		if (poll(&p, 1, left) < 0 && errno != EINTR)
			return -errno;
	}
}

static int remove_tree(int parent_fd, const char *name, int depth)
{
	_cleanup_(fd_closep) int fd = -1;
	struct dirent *e;
	DIR *d;
	int r;

	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != EBUSY || depth >= DEPTH_MAX)
		return -errno;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	fd = -1; /* d's */
	while ((e = readdir(d)))
		if (e->d_type == DT_DIR && path_is_name(e->d_name))
			ignore_result(remove_tree(dirfd(d), e->d_name,
						  depth + 1)); /* the last rmdir will tell */
	(void)closedir(d);
	r = unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	return r;
}

int cgroupfs_remove(int parent_fd, const char *name)
{
	return remove_tree(parent_fd, name, 0);
}

static int wait_empty(int dir)
{
	_cleanup_(fd_closep) int events =
		openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return events < 0 ? -errno : cgroupfs_wait(events, "populated", 0, KILL_WAIT_MS);
}

static int kill_and_wait(int parent, const char *name)
{
	_cleanup_(fd_closep) int dir =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (dir < 0)
		return -errno;
	r = cgroupfs_kill(dir);
	return r < 0 ? r : wait_empty(dir);
}

/* Every process of it, which are carrel's alone, back to where they came from. */
static void move_out(int parent, int leaf)
{
	char text[CGROUPFS_TEXT_MAX];

	if (cgroupfs_read(leaf, "cgroup.procs", text, sizeof(text)) <= 0)
		return;
	for (char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		bool last = !p[n];

		p[n] = '\0';
		ignore_result(cgroupfs_write(parent, "cgroup.procs", p)); /* it may just end */
		p += n + !last;
	}
}

static bool has_container(int dir, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool found = false;
	struct dirent *e;

	if (!d) {
		fd_close(fd);
		return true;
	}
	while (!found && (e = readdir(d)))
		found = e->d_type == DT_DIR && str_starts(e->d_name, prefix) &&
			!str_eq(e->d_name, name);
	(void)closedir(d);
	return found;
}

/*
 * Where there is a leaf, the parent held its process before, so that its controllers are on by us
 * alone: off again before anybody can go back there. Not under another container, which would lose
 * its limits with them.
 */
bool cgroupfs_remove_super(int parent_fd, const char *id)
{
	static const char *const controllers[] = { "-cpu", "-cpuset", "-io", "-memory", "-pids" };
	char name[CGROUPFS_NAME_MAX];
	_cleanup_(fd_closep) int leaf = -1;
	int r;

	cgroupfs_super_name(id, name);
	leaf = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (leaf < 0)
		return true;
	if (!has_container(parent_fd, name)) {
		for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
			ignore_result(cgroupfs_write(parent_fd, "cgroup.subtree_control",
						     controllers[i])); /* was not on */
		move_out(parent_fd, leaf);
		/* A process that ends closes its files, by which it is known to end, before it
		 * leaves. */
		ignore_result(wait_empty(leaf)); /* the rmdir tells */
	}
	r = cgroupfs_remove(parent_fd, name);
	return r == 0 || r == -ENOENT;
}

int cgroupfs_reclaim(const char *path, const char *id)
{
	_cleanup_(fd_closep) int root = -1, parent = -1;
	char name[CGROUPFS_NAME_MAX], dir[CGROUPFS_PATH_MAX];
	const char *slash = strrchr(path, '/');
	int r;

	cgroupfs_name(id, name);
	if (!str_eq(slash ? slash + 1 : path, name))
		return -EINVAL; /* not this container's */
	r = str_print(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
	if (r < 0)
		return r;
	root = cgroupfs_open_root();
	parent = root < 0 ? root : cgroupfs_open(root, dir);
	if (parent < 0)
		return parent == -ENOENT ? 0 : parent;
	r = kill_and_wait(parent, name);
	if (r == 0)
		r = cgroupfs_remove(parent, name);
	if (r < 0 && r != -ENOENT)
		return r;
	return cgroupfs_remove_super(parent, id) ? 0 : 1;
}
