/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "runtime/ctr.h"
#include "runtime/mnt.h"
#include "runtime/rootfs_driver.h"
#include "runtime/upper.h"
#include "storage/rmtree.h"

/*
 * Theory of operation. Layers are named to the kernel as /proc/self/fd/N: short whatever the
 * store's path is (fsconfig takes 256 bytes, mount(2) one page), free of the characters that
 * overlay gives a meaning, and the container's /proc/mounts tells nothing of the host.
 *	new:     fsopen, one lowerdir+ per layer (Linux 6.8)
 *	classic: mount(2) with lowerdir=0:1:2..., short links in an unattached tmpfs that is the
 *	         working directory; the result is copied by open_tree and taken down again
 */
struct overlay {
	int dir; /* containers/<id> in our mount namespace */
	int lowers[ROOTFS_LAYERS_MAX];
	unsigned n;
	bool is_volatile;
	bool was_dirty; /* before we tried */
};

static void overlay_done(struct overlay *o)
{
	for (unsigned i = 0; i < o->n; i++)
		fd_close(o->lowers[i]);
	fd_close(o->dir);
	free(o);
}

static void overlay_donep(struct overlay **o)
{
	if (*o)
		overlay_done(*o);
}

/*
 * The kernel marks the work directory of a `volatile` mount, and no mount takes one with the mark:
 * the upper may have lost any write when the host went down.
 */
static bool is_dirty(const struct overlay *o)
{
	return faccessat(o->dir, "work/work/incompat/volatile", F_OK, 0) == 0;
}

/* It marks before it looks at the layers. Of a mount that it then refuses nothing was written, and
 * the mark would be taken for the reason by the next one. */
static void unmark(const struct overlay *o)
{
	_cleanup_(fd_closep) int work = -1;

	if (o->was_dirty || !is_dirty(o))
		return;
	work = openat(o->dir, "work/work", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (work >= 0)
		ignore_result(rmtree(work, "incompat", 0, 0)); /* the next one fails, then */
}

static int overlay_open(const struct ctr_spec *spec, struct overlay *o, struct error *err)
{
	int r;

	o->is_volatile = spec->flags & CTR_VOLATILE;
	o->dir = mnt_reopen(spec->ctr_dirfd, err);
	if (o->dir < 0)
		return o->dir;
	r = upper_for_overlay(o->dir, err);
	if (r < 0)
		return r;
	o->was_dirty = is_dirty(o);
	for (unsigned i = 0; i < spec->n_lowers; i++) {
		o->lowers[i] = mnt_reopen(spec->lower_fds[i], err);
		if (o->lowers[i] < 0)
			return o->lowers[i];
		o->n++;
	}
	return 0;
}

static int set_path(int fs, const char *key, int fd, const char *below)
{
	char value[64];

	(void)snprintf(value, sizeof(value), "/proc/self/fd/%d%s", fd, below);
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* -EINVAL where the kernel does not know lowerdir+. */
static int mount_new(const struct overlay *o)
{
	_cleanup_(fd_closep) int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int r = 0, mnt;

	if (fs < 0)
		return -errno;
	/* Topmost first. */
	for (unsigned i = o->n; i-- > 0 && r == 0;)
		r = set_path(fs, "lowerdir+", o->lowers[i], "");
	if (r == 0)
		r = set_path(fs, "upperdir", o->dir, "/upper");
	if (r == 0)
		r = set_path(fs, "workdir", o->dir, "/work");
	if (r == 0 && fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
		r = -errno;
	if (r == 0 && o->is_volatile && fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		r = -errno;
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mnt < 0 ? -errno : mnt;
}

static int link_fd(int dir, int fd, const char *below, const char *name)
{
	char target[64];

	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d%s", fd, below);
	return symlinkat(target, dir, name) < 0 ? -errno : 0;
}

static int make_links(const struct overlay *o, int dir, struct str_buf *options)
{
	int r = link_fd(dir, o->dir, "/upper", "u");

	if (r == 0)
		r = link_fd(dir, o->dir, "/work", "w");
	str_buf_adds(options, "userxattr,upperdir=u,workdir=w,lowerdir=");
	for (unsigned i = o->n; i-- > 0 && r == 0;) {
		char name[12];

		(void)snprintf(name, sizeof(name), "%x", i);
		r = link_fd(dir, o->lowers[i], "", name);
		str_buf_adds(options, name);
		if (i)
			str_buf_addc(options, ':');
	}
	if (o->is_volatile)
		str_buf_adds(options, ",volatile");
	return r;
}

static int mount_classic(const struct overlay *o)
{
	static const char place[] = "/tmp"; /* of our own mount namespace; for two calls only */
	struct str_buf options __attribute__((cleanup(str_buf_done)));
	_cleanup_(fd_closep) int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(fd_closep) int links = mnt_new("tmpfs", NULL, 0);
	int r, mnt;

	str_buf_init(&options, 4095);
	if (links < 0)
		return links;
	r = make_links(o, links, &options);
	if (r == 0)
		r = str_buf_end(&options);
	if (r == 0 && fchdir(links) < 0)
		r = -errno;
	if (r < 0)
		return r;
	if (mount("overlay", place, "overlay", 0, options.s) < 0)
		r = -errno;
	if (cwd < 0 || fchdir(cwd) < 0)
		ignore_result(chdir("/")); /* the old directory is gone or closed to us */
	if (r < 0)
		return r;
	mnt = mnt_copy(AT_FDCWD, place);
	if (umount2(place, MNT_DETACH) < 0 && mnt >= 0) {
		fd_close(mnt);
		return -errno;
	}
	return mnt;
}

static int refused(const struct overlay *o, int r, struct error *err)
{
	if (r == -EINVAL && o->was_dirty) {
		error_set(err, r,
			  "the files of this container may be damaged: it was made to be "
			  "removed at its end, and the host went down before");
		error_hint(err, "`carrel rm` removes it");
		return r;
	}
	error_code(err, r, "mount the image's layers by overlay");
	/* A full disk or a missing file has its own words. */
	if (r != -ENOSPC && r != -EDQUOT && r != -ENOENT && r != -EMFILE && r != -EROFS)
		error_host(err, DCODE_NO_OVERLAY);
	return r;
}

static int mount_any(const struct ctr_spec *spec, struct error *err)
{
	_cleanup_(overlay_donep) struct overlay *o = xcalloc(1, sizeof(*o));
	const char *way = secure_getenv("CARREL_OVERLAY");
	int r;

	o->dir = -1;
	r = overlay_open(spec, o, err);
	if (r < 0)
		return r;
	if (!way || !str_eq(way, "classic")) {
		r = mount_new(o);
		if (r >= 0)
			return r;
		unmark(o);
		if (way && str_eq(way, "new"))
			return refused(o, r, err);
	}
	r = mount_classic(o);
	if (r >= 0)
		return r;
	unmark(o);
	return refused(o, r, err);
}

static int overlay_mount(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	int r = mount_any(spec, err);

	if (r < 0)
		return r;
	*ret = (struct rootfs){ .mnt = r, .server.pidfd = -1 };
	return 0;
}

const struct rootfs_ops rootfs_overlay = { "overlay", DCODE_NO_OVERLAY, overlay_mount };
