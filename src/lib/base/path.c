/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

enum {
	LINKS_MAX = 40, /* as the kernel's MAXSYMLINKS */
};

bool path_is_name(const char *s)
{
	return *s && !str_eq(s, ".") && !str_eq(s, "..") && !strchr(s, '/') &&
	       strlen(s) <= NAME_MAX;
}

bool path_is_absolute(const char *s)
{
	return s[0] == '/';
}

const char *path_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n && dir[n - 1] == '/')
		n--;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0') ? path + n : NULL;
}

int path_normalize(const char *path, char *buf, size_t size)
{
	size_t len = 0;

	if (size < 2)
		return -ENAMETOOLONG;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len && buf[--len] != '/')
				;
		} else if (n && !(n == 1 && path[0] == '.')) {
			if (len + n + 2 > size)
				return -ENAMETOOLONG;
			buf[len++] = '/';
			memcpy(buf + len, path, n);
			len += n;
		}
		path += n;
		path += strspn(path, "/");
	}
	if (len == 0)
		buf[len++] = '/';
	buf[len] = '\0';
	return 0;
}

/* The walk for kernels without openat2: a stack of components still to go, parents by O_PATH. */
struct walk {
	int root;
	bool follow;	/* symlinks, inside the root */
	mode_t makedir; /* make directories that are missing with this mode; 0: do not */
	unsigned links;
	int stack[PATH_MAX / 2]; /* O_PATH parents below root, for ".." */
	size_t depth;
	char rest[PATH_MAX];
};

static int walk_top(const struct walk *w)
{
	return w->depth ? w->stack[w->depth - 1] : w->root;
}

static void walk_up(struct walk *w)
{
	if (w->depth)
		fd_close(w->stack[--w->depth]);
}

static void walk_done(struct walk *w)
{
	while (w->depth)
		walk_up(w);
}

int path_read_link(int dirfd, const char *name, char *buf, size_t size)
{
	ssize_t n = readlinkat(dirfd, name, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return 0;
}

/* Replace what is left by the link's target plus the rest. */
static int walk_link(struct walk *w, const char *name, const char *rest)
{
	char target[PATH_MAX], joined[PATH_MAX];
	int r;

	if (!w->follow || ++w->links > LINKS_MAX)
		return -ELOOP;
	r = path_read_link(walk_top(w), name, target, sizeof(target));
	if (r < 0)
		return r;
	if (target[0] == '/')
		walk_done(w);
	if (!target[0])
		return -ENOENT;
	r = str_print(joined, sizeof(joined), "%s%s%s", target, *rest ? "/" : "", rest);
	if (r < 0)
		return r;
	return str_copy(w->rest, sizeof(w->rest), joined);
}

/* Splits the first component off w->rest; *ret_name is empty at the end. "a/" is "a/.": the slash
 * asks for a directory, and has a last symlink followed. */
static void walk_next(struct walk *w, char *ret_name, const char **ret_rest)
{
	char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/");

	memcpy(ret_name, p, n);
	ret_name[n] = '\0';
	*ret_rest = p + n + strspn(p + n, "/");
	if (n && p[n] == '/' && !**ret_rest)
		*ret_rest = ".";
}

/* The kernel's rule: O_CREAT | O_EXCL never follows a last symlink either. */
static bool follows_last(int flags)
{
	return !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
}

static int walk_last(const struct walk *w, const char *name, int flags, mode_t mode)
{
	/* A link that was put there since is refused by O_NOFOLLOW, not followed. */
	int fd = openat(walk_top(w), name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	struct stat st;

	if (fd < 0)
		return -errno;
	/* O_PATH does not refuse it, but opens the link. */
	if ((flags & O_PATH) && follows_last(flags) && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
		fd_close(fd);
		return -ELOOP;
	}
	return fd;
}

/* The next directory on the way. */
static int walk_enter(const struct walk *w, const char *name)
{
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(walk_top(w), name, flags);

	if (fd < 0 && errno == ENOENT && w->makedir) {
		if (mkdirat(walk_top(w), name, w->makedir) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(walk_top(w), name, flags);
	}
	return fd < 0 ? -errno : fd;
}

static int walk_step(struct walk *w, int flags, mode_t mode, int *ret_fd)
{
	char name[PATH_MAX];
	const char *rest;
	struct stat st;
	int fd;

	walk_next(w, name, &rest);
	if (!*name || (!*rest && str_eq(name, "."))) {
		fd = openat(walk_top(w), ".", flags | O_CLOEXEC, mode);
		*ret_fd = fd < 0 ? -errno : fd;
		return 1;
	}
	if (str_eq(name, ".") || str_eq(name, "..")) {
		if (name[1] && !w->follow && w->depth == 0)
			return -EXDEV;
		if (name[1])
			walk_up(w);
		memmove(w->rest, rest, strlen(rest) + 1);
		return 0;
	}
	if (fstatat(walk_top(w), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode) &&
	    (*rest || follows_last(flags)))
		return walk_link(w, name, rest);
	if (!*rest) {
		*ret_fd = walk_last(w, name, flags, mode);
		return 1;
	}
	fd = walk_enter(w, name);
	if (fd < 0)
		return fd;
	if (w->depth == ARRAY_SIZE(w->stack)) {
		fd_close(fd);
		return -ENAMETOOLONG;
	}
	w->stack[w->depth++] = fd;
	memmove(w->rest, rest, strlen(rest) + 1);
	return 0;
}

static int walk_run(struct walk *w, const char *path, int flags, mode_t mode)
{
	int fd = -1, r;

	r = str_copy(w->rest, sizeof(w->rest), path);
	while (r == 0)
		r = walk_step(w, flags, mode, &fd);
	walk_done(w);
	return r < 0 ? r : fd;
}

static int walk_open(int dirfd, const char *path, int flags, mode_t mode, bool follow)
{
	_cleanup_(freep) struct walk *w = xcalloc(1, sizeof(*w));

	if (!*path)
		return -ENOENT;
	w->root = dirfd;
	w->follow = follow;
	return walk_run(w, path, flags, mode);
}

/* openat2 refuses a mode where nothing is made; O_TMPFILE contains the bit of O_DIRECTORY. */
static int open_how(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;

	return sys_openat2(dirfd, path, (uint64_t)flags | O_CLOEXEC, makes ? mode : 0, resolve);
}

/* -EAGAIN: a rename raced with "..", which the walk answers by its own stack of parents. */
static bool needs_walk(int r)
{
	return r == -ENOSYS || r == -EPERM || r == -EAGAIN;
}

int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	int r = open_how(dirfd, path, flags, mode,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	if (!needs_walk(r))
		return r;
	if (path[0] == '/')
		return -EXDEV;
	return walk_open(dirfd, path, flags, mode, false);
}

int path_open_in_root(int dirfd, const char *path, int flags, mode_t mode)
{
	int r = open_how(dirfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	return needs_walk(r) ? walk_open(dirfd, path, flags, mode, true) : r;
}

int path_open_canonical(const char *path, int flags)
{
	_cleanup_(fd_closep) int root = -1;
	int r = open_how(AT_FDCWD, path, flags, 0, RESOLVE_NO_SYMLINKS);

	if (!needs_walk(r))
		return r;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	path += strspn(path, "/");
	return walk_open(root, *path ? path : ".", flags, 0, false);
}

bool path_first_link(const char *path, char *buf, size_t size)
{
	struct stat st;

	if (str_copy(buf, size, path) < 0)
		return false;
	for (char *p = buf; *p;) {
		char *end = p + 1 + strcspn(p + 1, "/"), kept = *end;

		*end = '\0';
		if (lstat(buf, &st) < 0)
			return false;
		if (S_ISLNK(st.st_mode))
			return true;
		*end = kept;
		p = end;
	}
	return false;
}

int path_mkdir_in_root(int dirfd, const char *path, mode_t mode)
{
	_cleanup_(freep) struct walk *w = NULL;
	char clean[PATH_MAX], dir[PATH_MAX];
	int fd, r;

	r = path_normalize(path, clean, sizeof(clean));
	if (r < 0)
		return r;
	fd = path_open_in_root(dirfd, clean, O_PATH | O_DIRECTORY, 0);
	if (fd != -ENOENT)
		return fd;
	/* The kernel cannot make what a dangling link names: /var/run -> /run without a /run is
	 * found in images. "/.": every component is a directory on the way. */
	r = str_print(dir, sizeof(dir), "%s/.", clean);
	if (r < 0)
		return r;
	w = xcalloc(1, sizeof(*w));
	w->root = dirfd;
	w->follow = true;
	w->makedir = mode;
	return walk_run(w, dir, O_PATH | O_DIRECTORY, 0);
}

int path_mkdir_all(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	struct stat st;
	int denied = 0, r = str_copy(buf, sizeof(buf), path);

	if (r < 0)
		return r;
	if (!*buf)
		return -ENOENT;
	for (char *p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		/* What may not be made can be there all the same; if it is not, the next one tells
		 * of ENOENT, and this is the cause. */
		if (mkdir(buf, mode) < 0 && errno != EEXIST) {
			if (errno != EROFS && errno != EACCES)
				return errno == ENOENT && denied ? denied : -errno;
			denied = -errno;
		}
		*p = '/';
	}
	if (mkdir(buf, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return errno == ENOENT && denied ? denied : -errno;
	if (stat(buf, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int path_read(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_(fd_closep) int fd =
		openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return fd_read_to_end(fd, max, ret, ret_len);
}

int path_load(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_(fd_closep) int fd =
		openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_to_end(fd, max, ret, ret_len);
}

int path_read_line(const char *path, char *buf, size_t size)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -errno : fd_read_text(fd, buf, size);

	buf[n < 0 ? 0 : strcspn(buf, "\n")] = '\0';
	return n < 0 ? (int)n : 0;
}

int path_write_text(int dirfd, const char *path, const char *text)
{
	_cleanup_(fd_closep) int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int path_from_fd(int fd, char ret[PATH_MAX])
{
	return path_read_link(AT_FDCWD, path_of_fd(fd).s, ret, PATH_MAX);
}

struct path_fd path_of_fd(int fd)
{
	struct path_fd p;

	(void)snprintf(p.s, sizeof(p.s), "/proc/self/fd/%d", fd);
	return p;
}
