/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/sys.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };

	return result(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

int sys_clone3(struct clone_args *args, size_t size)
{
	return result(syscall(SYS_clone3, args, size));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return result(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_seccomp(unsigned op, unsigned flags, void *args)
{
	return result(syscall(SYS_seccomp, op, flags, args));
}

int sys_execveat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags)
{
	return result(syscall(SYS_execveat, dirfd, path, argv, envp, flags));
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int sys_peer_pidfd(int sock)
{
	socklen_t n = sizeof(int);
	int fd;

	return getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &n) < 0 ? -errno : fd;
}
