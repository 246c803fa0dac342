/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/skeleton.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static const char skeleton_name[] = "skeleton";

static int open_it(struct store *s)
{
	int fd = openat(s->root_fd, skeleton_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The modes are set once more: containers see them, whatever the umask was. */
static int make_dir(int dirfd, const char *name)
{
	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return fchmodat(dirfd, name, 0755, 0) < 0 ? -errno : 0;
}

static int make_file(int dirfd, const char *name)
{
	_cleanup_(fd_closep) int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0 || fchmod(fd, 0644) < 0)
		return -errno;
	return 0;
}

/* One that was cut short by a crash lacks mount points, which is slower and nothing worse. */
static int fill(int dirfd)
{
	static const char *const dirs[] = { "dev", "etc", "proc", "sys" };
	static const char *const files[] = { "etc/hostname", "etc/hosts", "etc/resolv.conf" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++)
		r = make_dir(dirfd, dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
		r = make_file(dirfd, files[i]);
	return r;
}

int skeleton_open(struct store *s)
{
	_cleanup_(fd_closep) int fd = open_it(s);
	int r;

	if (fd != -ENOENT)
		return TAKE_FD(fd);
	r = make_dir(s->root_fd, skeleton_name);
	if (r < 0)
		return r;
	fd = open_it(s);
	r = fd < 0 ? fd : fill(fd);
	return r < 0 ? r : TAKE_FD(fd);
}
