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
#include "runtime/rootfs_fusebox.h"
#include "runtime/upper.h"

/*
 * Theory of operation. /dev/fuse is opened and mounted by us, in U: no fusermount, no set-id
 * program. The kernel asks that the descriptor and the mount have the same user namespace. The
 * program gets the descriptor, which it calls /dev/fd/3, and serves it; the mount is detached, as
 * that of overlay, and the container sees "fuse-overlayfs" as its source and nothing of the host.
 *
 * Once the process runs our own copy of the descriptor is closed: when it ends, however it ends,
 * every request fails at once instead of waiting for ever. When the last mount goes the kernel
 * writes back what it holds, and the program ends by itself.
 */
static const char *const dirs[] = { "/usr/bin", "/usr/local/bin", "/bin",
				    "/run/current-system/sw/bin" };

enum {
	SAID_MAX = 16 << 10,
};

static int find_program(int *ret, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[64];
		int fd;

		(void)snprintf(path, sizeof(path), "%s/fuse-overlayfs", dirs[i]);
		fd = open(path, O_PATH | O_CLOEXEC);
		if (fd >= 0 && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0) {
			*ret = fd;
			return 0;
		}
		fd_close(fd);
	}
	error_set(err, -ENOENT, "fuse-overlayfs is not in /usr/bin");
	error_host(err, DCODE_NO_FUSE);
	return -ENOENT;
}

static int open_device(int *ret, struct error *err)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), r;

	if (fd < 0) {
		r = error_sys(err, "open /dev/fuse");
		error_host(err, DCODE_NO_FUSE);
		return r;
	}
	*ret = fd;
	return 0;
}

static int read_only_copy(int fd, int *ret)
{
	int tree = mnt_copy(fd, ""), r;

	if (tree < 0)
		return tree;
	r = mnt_restrict(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	if (r < 0) {
		fd_close(tree);
		return r;
	}
	*ret = tree;
	return 0;
}

static int open_layers(const struct ctr_spec *spec, struct fusebox *b, struct error *err)
{
	for (unsigned i = 0; i < spec->n_lowers; i++) {
		_cleanup_(fd_closep) int fd = mnt_reopen(spec->lower_fds[i], err);
		int r;

		if (fd < 0)
			return fd;
		r = read_only_copy(fd, &b->lowers[i]);
		if (r < 0)
			return error_code(err, r, "bind layer %u", i);
		b->n_lowers++;
	}
	return 0;
}

static int open_upper(const struct ctr_spec *spec, struct fusebox *b, struct error *err)
{
	_cleanup_(fd_closep) int ctr = mnt_reopen(spec->ctr_dirfd, err), dir = -1;
	int r;

	if (ctr < 0)
		return ctr;
	dir = upper_for_fuse(ctr, err);
	if (dir < 0)
		return dir;
	b->dir = mnt_copy(dir, "");
	r = b->dir < 0 ? b->dir : mnt_restrict(b->dir, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	return r < 0 ? error_code(err, r, "bind the container's files") : 0;
}

static int mount_device(int dev, int *ret, struct error *err)
{
	char number[16];
	const struct mnt_option options[] = {
		{ "source", "fuse-overlayfs" },
		{ "subtype", "fuse-overlayfs" },
		{ "fd", number },
		{ "rootmode", "40000" }, /* a directory, in octal */
		{ "user_id", "0" },
		{ "group_id", "0" },
		{ "default_permissions", NULL }, /* the kernel checks modes, as with overlay */
		{ "allow_other", NULL },	 /* users of the container that are not root */
		{ NULL },
	};
	int mnt;

	(void)snprintf(number, sizeof(number), "%d", dev);
	mnt = mnt_new("fuse", options, 0);
	if (mnt < 0) {
		error_code(err, mnt, "mount a fuse file system");
		error_host(err, DCODE_NO_FUSE);
		return mnt;
	}
	*ret = mnt;
	return 0;
}

/* It has ended. Its last words are the reason; the first line of them. */
static int tell_why(int r, int said, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;

	if (fd_read_to_end(said, SAID_MAX, &text, &len) == 0) {
		/* It says this of its own default options, always. */
		const char *line = text, *end;

		while (str_starts(line, "unknown argument ignored") && (end = strchr(line, '\n')))
			line = end + 1;
		text[(size_t)(line - text) + strcspn(line, "\n")] = '\0';
		if (*line) {
			error_set(err, r, "fuse-overlayfs: %s", line);
			error_host(err, DCODE_NO_FUSE);
			return r;
		}
	}
	error_code(err, r, "serve files by fuse-overlayfs");
	error_host(err, DCODE_NO_FUSE);
	return r;
}

/* The first request is answered when the program has read its layers. */
static int wait_ready(int mnt)
{
	struct statx stx;
	int r = statx(mnt, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx);

	return r < 0 ? -errno : 0;
}

static int serve(struct fusebox *b, struct rootfs *ret, struct error *err)
{
	_cleanup_(fd_closep) int said = -1, mnt = -1;
	struct proc server;
	int r = mount_device(b->dev, &mnt, err);

	if (r == 0)
		r = fusebox_start(b, &server, &said, err);
	if (r < 0)
		return r;
	fusebox_close(b);
	r = wait_ready(mnt);
	if (r < 0) {
		proc_kill(&server);
		return tell_why(r, said, err);
	}
	*ret = (struct rootfs){ .mnt = TAKE_FD(mnt), .server = server };
	return 0;
}

static int fuse_mount(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	struct fusebox *b = xcalloc(1, sizeof(*b));
	int r;

	*b = (struct fusebox){
		.exe = -1, .dev = -1, .dir = -1, .is_volatile = spec->flags & CTR_VOLATILE
	};
	/* What may be missing comes first: then nothing of the container is touched. */
	r = find_program(&b->exe, err);
	if (r == 0)
		r = open_device(&b->dev, err);
	if (r == 0)
		r = open_layers(spec, b, err);
	if (r == 0)
		r = open_upper(spec, b, err);
	if (r == 0)
		r = serve(b, ret, err);
	fusebox_close(b);
	free(b);
	return r;
}

const struct rootfs_ops rootfs_fuse = { "fuse", DCODE_NO_FUSE, fuse_mount };
