/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static int lock_once(int dirfd, const char *name, int cmd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_(fd_closep) int fd =
		openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	do
		r = fcntl(fd, cmd, &l);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return TAKE_FD(fd);
}

/* The holder may have unlinked the file while we waited: a lock on a nameless file is none. */
static bool is_same(int fd, int dirfd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int lock_take(int dirfd, const char *name, int cmd)
{
	for (;;) {
		int fd = lock_once(dirfd, name, cmd);

		if (fd < 0 || is_same(fd, dirfd, name))
			return fd;
		fd_close(fd);
	}
}

int lock_try(int dirfd, const char *name)
{
	return lock_take(dirfd, name, F_OFD_SETLK);
}

int lock_wait(int dirfd, const char *name)
{
	return lock_take(dirfd, name, F_OFD_SETLKW);
}

int lock_test(int dirfd, const char *name)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_(fd_closep) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fcntl(fd, F_OFD_GETLK, &l) < 0)
		return -errno;
	return l.l_type != F_UNLCK;
}
