/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/upper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "storage/rmtree.h"

static const char opaque_file[] = ".wh..wh..opq";
static const char whiteout_prefix[] = ".wh.";
static const char overlay_opaque[] = "user.overlay.opaque";
static const char fuse_opaque[] = "user.fuseoverlayfs.opaque";
static const char fuse_origin[] = "user.fuseoverlayfs.origin"; /* the name that was copied up */

/*
 * The walk holds one descriptor and the names of subdirectories that are still to be seen: the way
 * back is "..", compared with what the way down has passed.
 */
struct level {
	struct strv dirs;
	dev_t dev;
	ino_t ino;
};

struct walk {
	struct level *levels;
	size_t n, cap;
	int fd;
};

static bool has_mark(int fd, const char *xattr)
{
	char value[2];

	return fgetxattr(fd, xattr, value, sizeof(value)) == 1 && value[0] == 'y';
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* An empty regular file, or a device 0:0: what a container called the same is left alone. */
static bool is_opaque_file(int dirfd)
{
	struct stat st;

	return fstatat(dirfd, opaque_file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ((S_ISREG(st.st_mode) && st.st_size == 0) || is_whiteout(&st));
}

static int make_opaque(int fd, bool *ret_opaque)
{
	bool marked = has_mark(fd, fuse_opaque);

	*ret_opaque = marked || is_opaque_file(fd) || has_mark(fd, overlay_opaque);
	if (*ret_opaque && fsetxattr(fd, overlay_opaque, "y", 1, 0) < 0)
		return -errno;
	return marked && fremovexattr(fd, fuse_opaque) < 0 ? -errno : 0;
}

/* In an opaque directory there is nothing to hide, and overlay would list the device. */
static int convert_file(int dirfd, const char *name, bool opaque)
{
	const char *target = name + strlen(whiteout_prefix);
	bool prefixed = str_starts(name, whiteout_prefix);
	bool is_device, is_file;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	is_device = is_whiteout(&st);
	is_file = prefixed && S_ISREG(st.st_mode) && st.st_size == 0;
	if (!is_file && !(is_device && (opaque || prefixed)))
		return 0;
	if (is_file && !opaque && *target && mknodat(dirfd, target, S_IFCHR, makedev(0, 0)) < 0 &&
	    errno != EEXIST)
		return -errno;
	return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
}

/* Only files and directories have user attributes, and a directory never this one. */
static int forget_origin(int dirfd, const char *name)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", path_of_fd(dirfd).s, name);

	if (lremovexattr(path, fuse_origin) == 0 || errno == ENODATA || errno == EOPNOTSUPP)
		return 0;
	return -errno;
}

static int list(int dirfd, struct strv *ret_dirs, struct strv *ret_marks)
{
	int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = -errno;
		fd_close(own);
		return r;
	}
	while (r == 0 && (errno = 0, e = readdir(d))) {
		struct stat st;
		unsigned char type = e->d_type;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (type == DT_UNKNOWN && fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			type = IFTODT(st.st_mode);
		if (type == DT_DIR)
			strv_add(ret_dirs, e->d_name);
		else if (type == DT_REG && !str_starts(e->d_name, whiteout_prefix))
			r = forget_origin(dirfd, e->d_name);
		else if (type == DT_CHR || str_starts(e->d_name, whiteout_prefix))
			strv_add(ret_marks, e->d_name);
	}
	if (r == 0)
		r = -errno;
	(void)closedir(d);
	return r;
}

/* The directory of w->fd: its marks, and a new level with its subdirectories. */
static int enter(struct walk *w)
{
	_cleanup_(strv_done) struct strv marks = { 0 };
	struct level *l;
	bool opaque = false;
	struct stat st;
	int r;

	if (fstat(w->fd, &st) < 0)
		return -errno;
	w->levels = array_grow(w->levels, w->n, &w->cap, sizeof(*w->levels));
	l = &w->levels[w->n++];
	*l = (struct level){ .dev = st.st_dev, .ino = st.st_ino };
	r = list(w->fd, &l->dirs, &marks);
	if (r == 0)
		r = make_opaque(w->fd, &opaque);
	for (size_t i = 0; r == 0 && i < marks.n; i++)
		r = convert_file(w->fd, marks.v[i], opaque);
	return r;
}

static int move_to(struct walk *w, const char *name)
{
	int fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fd_close(w->fd);
	w->fd = fd;
	return 0;
}

static int leave(struct walk *w)
{
	const struct level *l;
	struct stat st;
	int r;

	strv_done(&w->levels[--w->n].dirs);
	if (w->n == 0)
		return 0;
	r = move_to(w, "..");
	if (r < 0)
		return r;
	l = &w->levels[w->n - 1];
	if (fstat(w->fd, &st) < 0)
		return -errno;
	return st.st_dev == l->dev && st.st_ino == l->ino ? 0 : -ESTALE;
}

static int step(struct walk *w)
{
	struct strv *dirs = &w->levels[w->n - 1].dirs;
	_cleanup_(freep) char *name = NULL;
	int r;

	if (dirs->n == 0)
		return leave(w);
	name = TAKE_PTR(dirs->v[--dirs->n]);
	r = move_to(w, name);
	return r < 0 ? r : enter(w);
}

int upper_convert(int dirfd, struct error *err)
{
	struct walk w = { .fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	int r = w.fd < 0 ? -errno : enter(&w);

	while (r == 0 && w.n > 0)
		r = step(&w);
	for (size_t i = 0; i < w.n; i++)
		strv_done(&w.levels[i].dirs);
	free(w.levels);
	fd_close(w.fd);
	return r < 0 ? error_code(err, r, "take over the container's files from fuse-overlayfs")
		     : 0;
}

static int make_dirs(int dirfd, struct error *err)
{
	static const char *const dirs[] = { "upper", "work" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(dirfd, dirs[i], 0755) < 0 && errno != EEXIST)
			return error_sys(err, "make directory %s of the container", dirs[i]);
	return 0;
}

static int open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int take_from_fuse(int dirfd, int fuse, struct error *err)
{
	_cleanup_(fd_closep) int upper = open_dir(fuse, "upper");
	int r = 0;

	if (upper >= 0)
		r = upper_convert(upper, err);
	if (r < 0)
		return r;
	/* ENOENT: a start was killed between this and the next line. */
	if (renameat(fuse, "upper", dirfd, "upper") < 0 && errno != ENOENT)
		return error_sys(err, "take over the container's files from fuse-overlayfs");
	r = rmtree(dirfd, "fuse", 0, 0);
	return r < 0 ? error_code(err, r, "remove the work directory of fuse-overlayfs") : 0;
}

int upper_for_overlay(int dirfd, struct error *err)
{
	_cleanup_(fd_closep) int fuse = open_dir(dirfd, "fuse");
	int r = 0;

	if (fuse >= 0)
		r = take_from_fuse(dirfd, fuse, err);
	else if (fuse != -ENOENT)
		r = error_code(err, fuse, "open directory fuse of the container");
	return r < 0 ? r : make_dirs(dirfd, err);
}

int upper_for_fuse(int dirfd, struct error *err)
{
	_cleanup_(fd_closep) int fuse = -1;
	int r;

	if (mkdirat(dirfd, "fuse", 0700) < 0 && errno != EEXIST)
		return error_sys(err, "make directory fuse of the container");
	fuse = open_dir(dirfd, "fuse");
	if (fuse < 0)
		return error_code(err, fuse, "open directory fuse of the container");
	if (renameat(dirfd, "upper", fuse, "upper") < 0 && errno != ENOENT)
		return error_sys(err, "take over the container's files from overlay");
	r = make_dirs(fuse, err);
	return r < 0 ? r : TAKE_FD(fuse);
}
