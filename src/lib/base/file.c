/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"

int file_sync_dir(int dirfd)
{
	_cleanup_(fd_closep) int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* EINVAL: the file system cannot sync directories, there is nothing more to promise. */
	if (fsync(fd) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

static int write_temp(int dirfd, const char *temp, const void *p, size_t n, mode_t mode,
		      enum file_flags flags)
{
	_cleanup_(fd_closep) int fd =
		openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, p, n);
	if (r < 0)
		return r;
	if ((flags & FILE_DURABLE) && fsync(fd) < 0)
		return -errno;
	return 0;
}

/* NFS has no RENAME_NOREPLACE, FAT and some FUSE file systems have no links: one of the two. */
static int publish_new(int dirfd, const char *temp, const char *name)
{
	if (renameat2(dirfd, temp, dirfd, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(dirfd, temp, dirfd, name, 0) < 0)
		return -errno;
	(void)unlinkat(dirfd, temp, 0);
	return 0;
}

static int replace(int dirfd, const char *temp, const char *name, enum file_flags flags)
{
	/* ext4 begins to write out whatever is renamed over a file, but not what is exchanged. */
	if ((flags & FILE_LAZY) && renameat2(dirfd, temp, dirfd, name, RENAME_EXCHANGE) == 0) {
		(void)unlinkat(dirfd, temp, 0);
		return 0;
	}
	/* The first of its name, or a file system without exchange. */
	return renameat(dirfd, temp, dirfd, name) < 0 ? -errno : 0;
}

int file_publish(int dirfd, const char *name, const void *p, size_t n, mode_t mode,
		 enum file_flags flags)
{
	char temp[64], id[ID_TEMP_LEN + 1];
	int r;

	(void)snprintf(temp, sizeof(temp), ".tmp-%s", id_temp(id));
	r = write_temp(dirfd, temp, p, n, mode, flags);
	if (r == 0 && (flags & FILE_EXCL))
		r = publish_new(dirfd, temp, name);
	else if (r == 0)
		r = replace(dirfd, temp, name, flags);
	if (r < 0)
		(void)unlinkat(dirfd, temp, 0);
	if (r == 0 && (flags & FILE_DURABLE))
		r = file_sync_dir(dirfd);
	return r;
}
