/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/hidden.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/mnt.h"

/*
 * Theory of operation. The parent of pid 1 finds the paths: where each of carrel's own directories
 * is seen by the host's mounts, and which of that lies below the source of a bind. Other containers
 * with the same files may move whatever is on the way, at any time, so in pid 1 a path proves
 * nothing: it is opened once, must then be the directory itself by device and inode, and an empty
 * one is mounted over that very entry. There it stays, wherever others move the directory. Anything
 * but that is an error, "not there" above all.
 *
 * A cover alone keeps the container from what is below it, and not from its ancestors: with one of
 * them renamed, a prepared store would be found at the store's path. So each directory on the way
 * is then made a mount of its own, by binding it onto itself. It stays writable, and the kernel
 * refuses to rename or remove it in this mount namespace (EBUSY). Covers come first, and the copies
 * take them along: in whichever of these mounts the directory is seen, it is covered.
 */
struct hidden_dir {
	dev_t dev;
	ino_t ino;
	struct view_list views; /* its own path first */
};

/* --- the parent of pid 1: where they are --- */

static int add_dir(struct hidden *h, const struct views *mounts, int fd, const char *name,
		   struct error *err)
{
	struct hidden_dir *d = &h->dirs[h->n];
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return error_sys(err, "look at %s", name);
	/* By links, or because it has two roles: covered twice, the cover would be taken for it. */
	for (size_t i = 0; i < h->n; i++)
		if (h->dirs[i].dev == st.st_dev && h->dirs[i].ino == st.st_ino)
			return 0;
	r = path_from_fd(fd, path);
	if (r < 0)
		return error_code(err, r, "read the path of %s", name);
	*d = (struct hidden_dir){ .dev = st.st_dev, .ino = st.st_ino };
	h->n++;
	return views_find(mounts, path, &d->views, err);
}

/* Would it be seen through a bind, if it were there? */
static int is_shown(const struct ctr_spec *spec, const struct views *mounts, const char *above,
		    const char *rest, struct error *err)
{
	_cleanup_(view_list_done) struct view_list views = { 0 };
	int r = views_find(mounts, above, &views, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < views.n; i++) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", views.v[i].path, rest);

		for (unsigned k = 0; k < spec->n_mounts; k++)
			if (spec->mounts[k].kind == CTR_MOUNT_BIND &&
			    path_below(path, spec->mounts[k].source))
				return 1;
	}
	return 0;
}

/* The deepest directory on the way that is there; *ret_rest is what is missing below it. */
static int open_above(const char *path, const char **ret_rest)
{
	_cleanup_(freep) char *dir = xstrdup(path);

	for (char *slash; (slash = strrchr(dir, '/'));) {
		int fd;

		slash[slash == dir] = '\0';
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 || slash == dir) {
			*ret_rest = path + (slash - dir) + 1;
			return fd < 0 ? -errno : fd;
		}
	}
	return -ENOENT;
}

/* No link is followed: the container could have another directory in its place. */
static int make_one(int above, const char *name)
{
	int fd;

	if (mkdirat(above, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_below(int above, const char *rest)
{
	_cleanup_(freep) char *names = xstrdup(rest);
	int dir = fd_dup(above);

	for (char *name = names, *next; dir >= 0 && name; name = next) {
		int fd;

		next = strchr(name, '/');
		if (next)
			*next++ = '\0';
		if (!*name)
			continue;
		fd = make_one(dir, name);
		fd_close(dir);
		dir = fd;
	}
	return dir;
}

/*
 * One that is not there is made where a bind shows its place. Else the container makes it: its root
 * has the caller's id, and the caller's next command would take it for its own. 0 where nobody has
 * to see to it, or the descriptor.
 */
static int make_dir(const struct ctr_hide *h, const struct ctr_spec *spec,
		    const struct views *mounts, struct error *err)
{
	_cleanup_(fd_closep) int above = -1;
	char path[PATH_MAX];
	const char *rest = "";
	int r;

	above = open_above(h->path, &rest);
	r = above < 0 ? above : path_from_fd(above, path);
	if (r == 0)
		r = is_shown(spec, mounts, path, rest, err);
	else
		r = error_code(err, r, "look for %s", h->path);
	if (r <= 0)
		return r;
	/* What others make, such as /run/user/UID at the login, is not ours to make. */
	if (h->is_runtime && strchr(rest, '/'))
		return 0;
	r = make_below(above, rest);
	/* Nor can the container, then. */
	if (r == -EROFS || r == -EACCES || r == -EPERM)
		return 0;
	if (r >= 0)
		return r;
	error_code(err, r, "make the directory %s, which no container may see or make", h->path);
	error_hint(err, "a link or a file on the way to it has to be removed, by its owner or by "
			"root; volumes that do not show its place need none of this");
	return r;
}

/* 0: there is nothing to hide. */
static int open_dir(const struct ctr_hide *h, const struct ctr_spec *spec,
		    const struct views *mounts, struct error *err)
{
	int fd;

	if (h->fd >= 0)
		return mnt_reopen(h->fd, err);
	fd = open(h->path, O_PATH | O_DIRECTORY | O_CLOEXEC | (h->is_runtime ? O_NOFOLLOW : 0));
	if (fd >= 0)
		return fd;
	/* The container has our ids, and the rights that go with them. */
	return errno == EACCES ? 0 : make_dir(h, spec, mounts, err);
}

int hidden_load(const struct ctr_spec *spec, struct hidden *ret, struct error *err)
{
	_cleanup_(views_done) struct views mounts = { 0 };
	int r = views_load(&mounts, err);

	ret->dirs = xcalloc(spec->n_hidden + 1, sizeof(*ret->dirs));
	for (unsigned i = 0; i < spec->n_hidden && r == 0; i++) {
		int fd = open_dir(&spec->hidden[i], spec, &mounts, err);

		if (fd <= 0) {
			r = fd;
			continue;
		}
		r = add_dir(ret, &mounts, fd, spec->hidden[i].path, err);
		fd_close(fd);
	}
	return r;
}

void hidden_done(struct hidden *h)
{
	for (size_t i = 0; i < h->n; i++)
		view_list_done(&h->dirs[i].views);
	free(TAKE_PTR(h->dirs));
	h->n = 0;
}

static int add_hidden(const struct hidden_dir *d, const struct view *view, const char *rest,
		      const char *name, struct plan_volume *v, struct error *err)
{
	struct stat st = { .st_dev = d->dev, .st_ino = d->ino };

	if (!view_is_reached(view))
		return 0;
	if (view->part && stat(view->path, &st) < 0)
		return error_sys(err, "look at %s", view->path);
	if (v->n_hidden == PLAN_HIDDEN_MAX)
		return error_set(err, -E2BIG,
				 "carrel's own directories are mounted more than %d times below %s",
				 PLAN_HIDDEN_MAX, name);
	v->hidden[v->n_hidden++] =
		(struct plan_hidden){ .path = xstrdup(rest), .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

/* Is `from` in it, or is it seen below `from`? Then it will be covered. */
static int check_view(const struct hidden_dir *d, const struct view *view, const char *from,
		      const char *name, struct plan_volume *v, struct error *err)
{
	const char *rest;

	if (path_below(from, view->path)) {
		error_set(err, -EPERM, "%s lies in carrel's own directory %s", name, view->path);
		error_hint(err, "a container that can write there controls every other one; keep "
				"the files elsewhere");
		return -EPERM;
	}
	rest = v->is_dir ? path_below(view->path, from) : NULL;
	return rest ? add_hidden(d, view, rest + strspn(rest, "/"), name, v, err) : 0;
}

/* What lies below another cover, or is there twice, is not seen. */
static void drop_covered(struct plan_volume *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n_hidden; i++) {
		bool covered = false;

		for (unsigned k = 0; k < v->n_hidden && !covered; k++)
			covered = k != i && v->hidden[k].path &&
				  path_below(v->hidden[i].path, v->hidden[k].path);
		if (covered)
			free(TAKE_PTR(v->hidden[i].path));
	}
	for (unsigned i = 0; i < v->n_hidden; i++)
		if (v->hidden[i].path)
			v->hidden[n++] = v->hidden[i];
	v->n_hidden = n;
}

int hidden_find(const struct hidden *h, int source, const char *name, struct plan_volume *v,
		struct error *err)
{
	char from[PATH_MAX];
	int r = path_from_fd(source, from);

	if (r < 0)
		return error_code(err, r, "read the path of %s", name);
	for (size_t i = 0; i < h->n && r == 0; i++)
		for (size_t k = 0; k < h->dirs[i].views.n && r == 0; k++)
			r = check_view(&h->dirs[i], &h->dirs[i].views.v[k], from, name, v, err);
	drop_covered(v);
	return r;
}

/* --- pid 1: cover them --- */

static int moved(const struct plan_hidden *h, const struct plan_volume *v, struct error *err)
{
	error_set(err, -ESTALE, "%s below %s, which is hidden, was moved meanwhile", h->path,
		  v->target);
	error_hint(err, "another container with this volume moves carrel's own directories");
	return -ESTALE;
}

static int cover(const struct plan_hidden *h, const struct plan_volume *v, int tree,
		 struct stat *ret, struct error *err)
{
	static const struct mnt_option options[] = { { "mode", "555" },
						     { "size", "4k" },
						     { NULL } };
	_cleanup_(fd_closep) int at = path_open_beneath(tree, h->path, O_PATH | O_DIRECTORY, 0);
	_cleanup_(fd_closep) int empty = -1;
	struct stat st;
	int r;

	if (at == -ENOENT)
		return moved(h, v, err);
	if (at < 0)
		return error_code(err, at, "open %s below %s", h->path, v->target);
	if (fstat(at, &st) < 0)
		return error_sys(err, "look at %s below %s", h->path, v->target);
	if (st.st_dev != h->dev || st.st_ino != h->ino)
		return moved(h, v, err);
	empty = mnt_new("tmpfs", options,
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				MOUNT_ATTR_NOEXEC);
	r = empty < 0 ? empty : mnt_attach(empty, at);
	if (r == 0 && fstat(empty, ret) < 0)
		r = -errno;
	return r < 0 ? error_code(err, r, "hide %s below %s", h->path, v->target) : 0;
}

/* The directory `name` below *dir as a mount of its own, which takes the place of *dir. */
static int pin(int *dir, const char *name)
{
	_cleanup_(fd_closep) int at =
		openat(*dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statx st;
	int copy, r;

	if (at < 0 || statx(at, "", AT_EMPTY_PATH, 0, &st) < 0)
		return -errno;
	/* A mount of the host's, or one that was pinned for another hidden path. */
	if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
		fd_close(*dir);
		*dir = TAKE_FD(at);
		return 0;
	}
	copy = mnt_copy(at, "");
	if (copy < 0)
		return copy;
	r = mnt_attach(copy, at);
	fd_close(*dir);
	*dir = copy;
	return r;
}

/* Every directory on the way to the cover; at the end of it is the cover, or somebody has moved
 * them under our hands. */
static int pin_way(const struct plan_hidden *h, const struct plan_volume *v, int tree,
		   const struct stat *cover, struct error *err)
{
	_cleanup_(fd_closep) int dir = fd_dup(tree);
	const char *name = h->path, *slash;
	char part[NAME_MAX + 1];
	struct stat st;
	int r = dir < 0 ? dir : 0;

	for (; r == 0 && (slash = strchr(name, '/')); name = slash + 1) {
		r = str_print(part, sizeof(part), "%.*s", (int)(slash - name), name);
		if (r == 0)
			r = pin(&dir, part);
	}
	if (r == 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == -ENOENT || r == -ENOTDIR ||
	    (r == 0 && (st.st_dev != cover->st_dev || st.st_ino != cover->st_ino)))
		return moved(h, v, err);
	return r < 0 ? error_code(err, r, "pin the way to %s below %s", h->path, v->target) : 0;
}

int hidden_cover(const struct plan_volume *v, int tree, struct error *err)
{
	struct stat covers[PLAN_HIDDEN_MAX];
	int r = 0;

	for (unsigned i = 0; i < v->n_hidden && r == 0; i++)
		r = cover(&v->hidden[i], v, tree, &covers[i], err);
	/* Through a read-only mount nothing can be renamed. */
	for (unsigned i = 0; i < v->n_hidden && r == 0 && !(v->attr & MOUNT_ATTR_RDONLY); i++)
		r = pin_way(&v->hidden[i], v, tree, &covers[i], err);
	return r;
}
