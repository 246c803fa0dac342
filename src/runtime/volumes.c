/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/hidden.h"
#include "runtime/plan.h"

/*
 * Theory of operation. Sources are opened twice: by the caller on the host side (its rights, before
 * U is joined), then by path in U's mount namespace, where they can be copied; both must be the
 * same file. Targets are the image's paths: resolved inside the root, created there, and used by
 * descriptor, so that a container that shares a volume cannot move a link under us
 * (CVE-2021-30465).
 */
static unsigned attr_of(enum ctr_mount_flags flags)
{
	return (flags & CTR_MOUNT_RO ? MOUNT_ATTR_RDONLY : 0u) |
	       (flags & CTR_MOUNT_NOEXEC ? MOUNT_ATTR_NOEXEC : 0u) |
	       (flags & CTR_MOUNT_NOSUID ? MOUNT_ATTR_NOSUID : 0u) |
	       (flags & CTR_MOUNT_NODEV ? MOUNT_ATTR_NODEV : 0u);
}

/* Words of mount(8) that are attributes of the mount, not of the file system. */
static bool take_attr_word(const char *word, unsigned *attr)
{
	static const struct {
		const char *word;
		unsigned set, clear;
	} words[] = {
		{ "ro", MOUNT_ATTR_RDONLY, 0 },	    { "rw", 0, MOUNT_ATTR_RDONLY },
		{ "noexec", MOUNT_ATTR_NOEXEC, 0 }, { "exec", 0, MOUNT_ATTR_NOEXEC },
		{ "nosuid", MOUNT_ATTR_NOSUID, 0 }, { "suid", 0, MOUNT_ATTR_NOSUID },
		{ "nodev", MOUNT_ATTR_NODEV, 0 },   { "dev", 0, MOUNT_ATTR_NODEV },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(word, words[i].word)) {
			*attr = (*attr & ~words[i].clear) | words[i].set;
			return true;
		}
	return false;
}

static char *option_text(const struct ctr_mount *m, uint64_t size)
{
	const char *asked = m->options ? m->options : "";

	if (!size || str_starts(asked, "size=") || strstr(asked, ",size="))
		return xstrdup(asked);
	return xasprintf("%s%ssize=%" PRIu64, asked, *asked ? "," : "", size);
}

static int split_options(const struct ctr_mount *m, uint64_t size, struct plan_volume *v,
			 struct error *err)
{
	unsigned n = 0;
	char *next;

	v->option_text = option_text(m, size);
	if (!*v->option_text)
		return 0;
	for (char *word = v->option_text; word; word = next) {
		char *value;

		next = strchr(word, ',');
		if (next)
			*next++ = '\0';
		if (!*word || take_attr_word(word, &v->attr))
			continue;
		if (n == PLAN_OPTIONS_MAX)
			return error_set(err, -E2BIG, "too many options for the tmpfs on %s",
					 m->target);
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		v->options[n++] = (struct mnt_option){ word, value };
	}
	return 0;
}

static int open_bind(const struct hidden *hidden, const struct ctr_mount *m, struct plan_volume *v,
		     struct error *err)
{
	_cleanup_(fd_closep) int source = mnt_reopen(m->source_fd, err);
	struct stat st;
	int r;

	if (source < 0)
		return source;
	if (fstat(source, &st) < 0)
		return error_sys(err, "look at %s", m->source);
	v->is_dir = S_ISDIR(st.st_mode);
	r = hidden_find(hidden, source, m->source, v, err);
	if (r < 0)
		return r;
	v->tree = mnt_copy(source, "");
	if (v->tree < 0)
		return error_code(err, v->tree, "bind %s", m->source);
	r = mnt_restrict(v->tree, v->attr);
	return r < 0 ? error_code(err, r, "set the mount flags of %s", m->source) : 0;
}

static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += path[0] == '/' && path[1] != '/' && path[1] != '\0';
	return n;
}

/* Outer targets first, or they would hide the inner ones; else as the user wrote them. */
static void sort_by_depth(struct plan_volume *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k > 0 && depth(v[k].target) < depth(v[k - 1].target); k--) {
			struct plan_volume t = v[k];

			v[k] = v[k - 1];
			v[k - 1] = t;
		}
}

int volumes_open(const struct ctr_spec *spec, struct plan *p, struct error *err)
{
	_cleanup_(hidden_done) struct hidden hidden = { 0 };
	int r = 0;

	p->volumes = xcalloc(spec->n_mounts, sizeof(*p->volumes));
	for (unsigned i = 0; i < spec->n_mounts; i++) {
		const struct ctr_mount *m = &spec->mounts[i];
		struct plan_volume *v = &p->volumes[p->n_volumes++];

		*v = (struct plan_volume){ .kind = m->kind, .target = m->target, .tree = -1 };
		v->attr = attr_of(m->flags);
		v->is_dir = true;
		if (m->kind == CTR_MOUNT_BIND && !hidden.dirs)
			r = hidden_load(spec, &hidden, err);
		if (r < 0)
			return r;
		if (m->kind == CTR_MOUNT_BIND)
			r = open_bind(&hidden, m, v, err);
		else
			r = split_options(m, spec->tmpfs_size, v, err);
		if (r < 0)
			return r;
	}
	sort_by_depth(p->volumes, p->n_volumes);
	return 0;
}

void volumes_done(struct plan *p)
{
	for (unsigned i = 0; i < p->n_volumes; i++) {
		fd_close(p->volumes[i].tree);
		free(p->volumes[i].option_text);
		for (unsigned k = 0; k < p->volumes[i].n_hidden; k++)
			free(p->volumes[i].hidden[k].path);
	}
	free(p->volumes);
	p->volumes = NULL;
	p->n_volumes = 0;
}

/* The file at path inside the root, made empty when it is not there. */
static int make_file(int root, const char *path)
{
	char clean[PATH_MAX];
	_cleanup_(fd_closep) int dir = -1, made = -1;
	char *slash;
	int fd, r;

	fd = path_open_in_root(root, path, O_PATH, 0);
	if (fd != -ENOENT)
		return fd;
	r = path_normalize(path, clean, sizeof(clean));
	if (r < 0)
		return r;
	slash = strrchr(clean, '/');
	*slash = '\0';
	dir = path_mkdir_in_root(root, slash == clean ? "/" : clean, 0755);
	if (dir < 0)
		return dir;
	made = openat(dir, slash + 1, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
	if (made < 0)
		return errno == EEXIST ? -ELOOP : -errno; /* a link that leads nowhere */
	fd = openat(dir, slash + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static const char kinds_differ[] =
	"a directory is mounted on a directory, a file on a file: is the source what it should be?";

static int open_target(const struct plan *p, const struct plan_volume *v, struct error *err)
{
	struct stat st, root;
	struct statfs fs;
	int fd;

	fd = v->is_dir ? path_mkdir_in_root(p->root, v->target, 0755)
		       : make_file(p->root, v->target);
	if (fd < 0) {
		error_code(err, fd, "make mount point %s in the container", v->target);
		if (fd == -ENOTDIR && v->is_dir)
			error_hint(err, "%s", kinds_differ);
		else if (fd == -ENOENT || fd == -EACCES || fd == -EPERM || fd == -EROFS)
			error_hint(err, "nothing can be made there (/proc, /sys and read-only "
					"mounts): name a path that is there, or another one");
		return fd;
	}
	if (fstat(fd, &st) == 0 && fstat(p->root, &root) == 0 && fstatfs(fd, &fs) == 0) {
		if (st.st_dev == root.st_dev && st.st_ino == root.st_ino) {
			fd_close(fd);
			return error_set(err, -EINVAL, "%s is the container's root directory",
					 v->target);
		}
		if (S_ISDIR(st.st_mode) != v->is_dir) {
			fd_close(fd);
			error_set(err, -EISDIR,
				  "%s is a directory in the container, and its source "
				  "is not",
				  v->target);
			error_hint(err, "%s", kinds_differ);
			return -EISDIR;
		}
		/* A false /proc would mislead every later write there (CVE-2019-19921). */
		if (fs.f_type != PROC_SUPER_MAGIC)
			return fd;
	}
	fd_close(fd);
	return error_set(err, -EPERM,
			 "mount on %s: nothing can be mounted on the container's /proc or below it",
			 v->target);
}

static int attach_one(const struct plan *p, const struct plan_volume *v, struct error *err)
{
	_cleanup_(fd_closep) int at = -1, made = -1;
	int tree = v->tree, r;

	at = open_target(p, v, err);
	if (at < 0)
		return at;
	if (v->kind == CTR_MOUNT_TMPFS) {
		tree = made = mnt_new("tmpfs", v->options, v->attr);
		if (made < 0) {
			error_code(err, made, "make the tmpfs for %s", v->target);
			error_hint(err, "options of tmpfs(5) such as size=64m and mode=1777");
			return made;
		}
	}
	r = mnt_attach(tree, at);
	if (r < 0)
		return error_code(err, r, "mount on %s", v->target);
	return hidden_cover(v, tree, err);
}

/* A file of the image's own, not a device of /dev or a switch of /proc that a link leads to. */
static bool is_image_file(int fd)
{
	struct stat st;
	struct statfs fs;

	return fstat(fd, &st) == 0 && fstatfs(fd, &fs) == 0 && S_ISREG(st.st_mode) &&
	       fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC;
}

/* What stands in the way of a file of ours, in the container's own layer: /etc that is no
 * directory, a link that leads nowhere, in a circle or to no file, an empty directory. */
static int clear_way(const struct plan *p, const char *target, struct error *err)
{
	_cleanup_(fd_closep) int etc = path_mkdir_in_root(p->root, "/etc", 0755);
	const char *name = strrchr(target, '/') + 1;

	if (etc < 0)
		etc = mounts_real_dir(p->root, "etc", err);
	if (etc < 0)
		return etc;
	if (unlinkat(etc, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR && unlinkat(etc, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY)
		return error_sys(err, "replace %s of the image", target);
	error_set(err, -ENOTEMPTY, "%s of the image is a directory with files in it", target);
	error_hint(err, "a file has to lie there: the image must be made anew without it");
	return -ENOTEMPTY;
}

static int attach_file(const struct plan *p, const struct plan_file *f, struct error *err)
{
	_cleanup_(fd_closep) int at = make_file(p->root, f->target);
	int r;

	if (at < 0 || !is_image_file(at)) {
		fd_close(TAKE_FD(at));
		r = clear_way(p, f->target, err);
		if (r < 0)
			return r;
		at = make_file(p->root, f->target);
	}
	if (at < 0)
		return error_code(err, at, "make %s in the container", f->target);
	r = mnt_attach(f->tree, at);
	return r < 0 ? error_code(err, r, "mount on %s", f->target) : 0;
}

/*
 * In the container's own layer, before any volume of the user's is mounted, and after our files, so
 * that no directory stands in their way. An image that names what cannot be one (its own file, a
 * place in /proc) starts without.
 */
static void make_dirs(const struct plan *p)
{
	for (char *const *dir = p->spec->dirs; dir && *dir; dir++)
		if (path_is_absolute(*dir))
			fd_close(path_mkdir_in_root(p->root, *dir, 0755));
}

int volumes_attach(const struct plan *p, struct error *err)
{
	int r = 0;

	for (unsigned i = 0; i < p->n_files && r == 0; i++)
		r = attach_file(p, &p->files[i], err);
	make_dirs(p);
	for (unsigned i = 0; i < p->n_volumes && r == 0; i++)
		r = attach_one(p, &p->volumes[i], err);
	return r;
}
