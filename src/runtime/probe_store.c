/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/path.h"
#include "base/str.h"
#include "oci/digest.h"
#include "runtime/rootfs_driver.h"
#include "runtime/rootfs_try.h"
#include "runtime/userns.h"
#include "storage/layer.h"
#include "storage/rmtree.h"
#include "storage/store.h"

enum {
	SPACE_LOW = 1 << 30, /* less is a warning: one larger image fills it */
	WRITE_SIZE = 64 << 10,
};

/*
 * A scratch directory on the store's file system: in the store's staging/ where there is a store,
 * else in the nearest directory above that exists. The probing child removes it.
 */
struct scratch {
	char parent[PATH_MAX];
	char name[32];
	int parent_fd, fd;
};

void probe_nearest(const char *store, char *buf, size_t size)
{
	struct stat st;

	if (str_print(buf, size, "%s/staging", store) == 0 && stat(buf, &st) == 0)
		return;
	if (str_copy(buf, size, store) < 0)
		ignore_result(str_copy(buf, size, "/")); /* it fits */
	while (stat(buf, &st) < 0 && errno == ENOENT) {
		char *slash = strrchr(buf, '/');

		if (!slash) {
			ignore_result(str_copy(buf, size, ".")); /* it fits */
			return;
		}
		slash[slash == buf] = '\0';
	}
}

static int scratch_open(struct scratch *s, const struct probe_host *h, struct error *err)
{
	char id[ID_TEMP_LEN + 1];
	int r;

	*s = (struct scratch){ .parent_fd = -1, .fd = -1 };
	probe_nearest(h->store, s->parent, sizeof(s->parent));
	(void)snprintf(s->name, sizeof(s->name), ".probe-%s", id_temp(id));
	s->parent_fd = open(s->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->parent_fd < 0)
		r = error_sys(err, "open %s", s->parent);
	else if (mkdirat(s->parent_fd, s->name, 0700) < 0)
		r = error_sys(err, "make a directory in %s", s->parent);
	else
		r = path_open_beneath(s->parent_fd, s->name, O_RDONLY | O_DIRECTORY, 0);
	if (r < 0)
		error_host(err, DCODE_STORE_WRITE);
	s->fd = r;
	return r < 0 ? r : 0;
}

static void scratch_close(struct scratch *s)
{
	fd_close(s->fd);
	if (s->parent_fd >= 0)
		ignore_result(rmtree(s->parent_fd, s->name, 0, 0)); /* nothing else can be done */
	fd_close(s->parent_fd);
}

static int write_some(const struct scratch *s, struct error *err)
{
	_cleanup_(fd_closep) int fd = openat(s->fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	_cleanup_(freep) char *zeros = xcalloc(1, WRITE_SIZE);
	int r;

	if (fd < 0)
		return error_sys(err, "make a file in %s", s->parent);
	r = fd_write_all(fd, zeros, WRITE_SIZE);
	/* Quotas and network file systems may tell only here. */
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? error_code(err, r, "write a file in %s", s->parent) : 0;
}

/* The way to the store's name says what is missing. */
static int no_store(struct scratch *s, struct error *err)
{
	_cleanup_(freep) char *path = dirs_store(NULL, err);

	*s = (struct scratch){ .parent_fd = -1, .fd = -1 };
	return path ? -ENOENT : -EINVAL;
}

int probe_store_write(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(scratch_close) struct scratch s;
	unsigned long long free_bytes;
	struct statvfs vfs;
	int r;

	if (!h->store)
		return no_store(&s, err);
	r = scratch_open(&s, h, err);
	if (r == 0)
		r = write_some(&s, err);
	if (r < 0) {
		error_host(err, DCODE_STORE_WRITE);
		return r;
	}
	r = probe_place(s.parent, h->store, ret, err);
	if (r < 0)
		return r;
	probe_fact(ret, "store", h->store);
	if (fstatvfs(s.fd, &vfs) < 0)
		return error_sys(err, "look at the file system of %s", s.parent);
	free_bytes = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
	/* ramfs counts nothing. */
	if (vfs.f_blocks && free_bytes < SPACE_LOW) {
		probe_degraded(ret, DCODE_STORE_WRITE, "%s has only %llu MB free", h->store,
			       free_bytes / 1000000);
		(void)snprintf(ret->instead, sizeof(ret->instead),
			       "what fits there works; an image that does not is not kept");
	}
	return 0;
}

/* One that containers see beside root, where there is any. */
static uint32_t other_id(void)
{
	struct idmap m;

	return idmap_load(&m, NULL) == 0 && idmap_is_single(&m) ? 0 : 1;
}

static int layer_file(const struct scratch *s, struct error *err)
{
	uint32_t id = other_id();

	_cleanup_(fd_closep) int fd = openat(s->fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_sys(err, "make a file");
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0)
		return error_sys(err, "set a user xattr in %s", s->parent);
	if (fchown(fd, id, id) < 0)
		return error_sys(err, "give a file in %s to another id of the map", s->parent);
	if (mknodat(s->fd, "whiteout", S_IFCHR, makedev(0, 0)) < 0)
		return error_sys(err, "make a whiteout in %s", s->parent);
	return 0;
}

/* What unpacking a layer does there. */
int probe_store_fs(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(scratch_close) struct scratch s = { .parent_fd = -1, .fd = -1 };
	const char *remote;
	struct statfs fs;
	int r = probe_enter(err);

	if (r == 0)
		r = scratch_open(&s, h, err);
	if (r < 0)
		return r;
	r = layer_file(&s, err);
	if (r < 0) {
		error_host(err, DCODE_STORE_FS);
		return r;
	}
	if (fstatfs(s.fd, &fs) < 0)
		return error_sys(err, "look at the file system of %s", s.parent);
	remote = probe_remote((long)fs.f_type);
	if (remote)
		probe_degraded(ret, DCODE_STORE_FS, "the store is on %s: it works, slowly", remote);
	else
		probe_say(ret, "owners, whiteouts and user xattrs can be written");
	return 0;
}

static int overlay_prepare(const struct scratch *s, struct error *err)
{
	static const char *const dirs[] = { "lower", "lower/d", "upper", "work", "merged" };
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(s->fd, dirs[i], 0755) < 0)
			return error_sys(err, "make a directory in %s", s->parent);
	fd = openat(s->fd, "lower/d/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_sys(err, "make a file in %s", s->parent);
	fd_close(fd);
	return fchdir(s->fd) < 0 ? error_sys(err, "enter %s", s->parent) : 0;
}

static int try_driver(const struct rootfs_ops *ops, const struct scratch *s, struct error *err)
{
	bool mounted;

	return rootfs_try(ops, s->fd, &mounted, err);
}

int probe_overlay(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(scratch_close) struct scratch s = { .parent_fd = -1, .fd = -1 };
	int r = probe_enter(err);

	if (r == 0)
		r = scratch_open(&s, h, err);
	if (r == 0)
		r = try_driver(&rootfs_overlay, &s, err);
	if (r == 0)
		probe_say(ret, "overlay");
	return r;
}

static void probe_not_needed(struct probe_result *ret, const struct error *err)
{
	char why[ERROR_TEXT_MAX], text[ERROR_TEXT_MAX + 32];

	(void)snprintf(text, sizeof(text), "not needed: %s", error_format(err, why, sizeof(why)));
	probe_skip(ret, text);
}

/* What is not needed is not missing. */
int probe_fuse(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(scratch_close) struct scratch s = { .parent_fd = -1, .fd = -1 };
	int r = probe_enter(err);

	if (r == 0)
		r = scratch_open(&s, h, err);
	if (r < 0)
		return r;
	r = try_driver(&rootfs_fuse, &s, err);
	if (r == 0)
		probe_say(ret, "fuse-overlayfs");
	else if (try_driver(&rootfs_overlay, &s, NULL) == 0)
		probe_not_needed(ret, err);
	else
		return r;
	return 0;
}

static int overlay_flags(const struct scratch *s, unsigned long *ret, bool *ret_exec,
			 struct error *err)
{
	struct statvfs vfs;
	int r = 0;

	if (chmod("lower/d/f", 0755) < 0)
		return error_sys(err, "change the mode of a file in %s", s->parent);
	if (mount("overlay", "merged", "overlay", 0,
		  "lowerdir=lower,upperdir=upper,workdir=work,userxattr") < 0)
		return error_sys(err, "mount an overlay on %s", s->parent);
	/* For a file of mode 0755, only a noexec mount refuses. */
	*ret_exec = access("merged/d/f", X_OK) == 0;
	if (statvfs("merged", &vfs) < 0)
		r = error_sys(err, "look at an overlay on %s", s->parent);
	else
		*ret = vfs.f_flag;
	(void)umount2("merged", MNT_DETACH);
	return r;
}

/* An overlay has mount flags of its own: those of the store matter only where they come through. */
int probe_mount_flags(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(scratch_close) struct scratch s = { .parent_fd = -1, .fd = -1 };
	unsigned long flags = 0;
	struct statvfs vfs;
	bool exec = true;
	int r = probe_enter(err);

	if (r == 0)
		r = scratch_open(&s, h, err);
	if (r < 0)
		return r;
	if (fstatvfs(s.fd, &vfs) < 0)
		return error_sys(err, "look at the file system of %s", s.parent);
	if (!(vfs.f_flag & (ST_NOEXEC | ST_NOSUID))) {
		probe_say(ret, "the store's mount is neither noexec nor nosuid");
		return 0;
	}
	r = overlay_prepare(&s, err);
	if (r < 0)
		return r;
	if (overlay_flags(&s, &flags, &exec, err) < 0) {
		error_clear(err);
		probe_skip(ret, "a mount of fuse-overlayfs has no flags of the store's");
		return 0;
	}
	if (!exec) {
		error_set(err, -EACCES, "nothing can be executed from %s: noexec", s.parent);
		error_host(err, DCODE_NOEXEC);
		return -EACCES;
	}
	if (flags & ST_NOSUID)
		probe_degraded(ret, DCODE_NOEXEC, "no set-id programs from %s: nosuid", s.parent);
	else
		probe_say(ret, "containers are not bound by the flags of the store's mount");
	return 0;
}

static int count_stale(struct store *s, const struct idmap *m, unsigned *ret_n, unsigned *ret_stale)
{
	int layers = path_open_beneath(s->root_fd, "layers", O_RDONLY | O_DIRECTORY, 0);
	DIR *d = layers < 0 ? NULL : fdopendir(layers);
	struct owners owners = idmap_owners(m);
	struct dirent *e;

	if (!d) {
		fd_close(layers);
		return layers < 0 ? layers : -errno;
	}
	while ((e = readdir(d))) {
		struct digest id;

		if (digest_from_hex(e->d_name, &id) < 0)
			continue;
		++*ret_n;
		*ret_stale += layer_check_owner(s, &id, &owners, NULL) == -ESTALE;
	}
	(void)closedir(d);
	return 0;
}

/* Were they unpacked under the range of ids that the user has now? */
int probe_layers(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(store_closep) struct store *s = NULL;
	unsigned n = 0, stale = 0;
	struct idmap map;
	int r = store_open(h->store, STORE_READONLY, &s, err);

	if (r == -ENOENT) {
		probe_say(ret, "no layers yet");
		return 0;
	}
	/* By doing, if that is possible: with newuidmap broken there is one id. */
	if (r == 0 && userns_try(&map, NULL) < 0)
		r = idmap_load(&map, err);
	if (r < 0)
		return r;
	r = count_stale(s, &map, &n, &stale);
	if (r < 0)
		return error_code(err, r, "list the layers in %s", h->store);
	if (stale)
		probe_degraded(ret, DCODE_SUBID_CHANGED,
			       "%u of %u layers were unpacked for other ids than yours are now",
			       stale, n);
	else
		probe_say(ret, "%u %s of the present ids", n, n == 1 ? "layer" : "layers");
	return 0;
}
