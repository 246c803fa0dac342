/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

int mnt_new(const char *type, const struct mnt_option *options, unsigned attr)
{
	_cleanup_(fd_closep) int fs = fsopen(type, FSOPEN_CLOEXEC);
	int mnt;

	if (fs < 0)
		return -errno;
	for (; options && options->key; options++) {
		unsigned cmd = options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

		if (fsconfig(fs, cmd, options->key, options->value, 0) < 0)
			return -errno;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, attr);
	return mnt < 0 ? -errno : mnt;
}

int mnt_copy(int dirfd, const char *path)
{
	/* Always recursive: a locked tree cannot be copied without what lies on it. */
	int fd = open_tree(dirfd, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

	return fd < 0 ? -errno : fd;
}

int mnt_restrict(int mnt, uint64_t attr_set)
{
	struct mount_attr attr = { .attr_set = attr_set, .propagation = MS_PRIVATE };

	if (mount_setattr(mnt, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return -errno;
	return 0;
}

int mnt_attach(int mnt, int target)
{
	if (move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int mnt_reopen(int fd, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_(fd_closep) int again = -1;
	struct stat a, b;
	int r = path_from_fd(fd, path);

	if (r < 0)
		return error_code(err, r, "read the path of descriptor %d", fd);
	again = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (again < 0)
		return error_sys(err, "open %s", path);
	if (fstat(fd, &a) < 0 || fstat(again, &b) < 0)
		return error_sys(err, "look at %s", path);
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return error_set(err, -ESTALE, "%s was replaced while it was in use", path);
	return TAKE_FD(again);
}
