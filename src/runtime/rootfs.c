/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/ctr.h"
#include "runtime/rootfs_driver.h"

/*
 * The order of preference. The mount itself is the test of a driver.
 */
static const struct rootfs_ops *const drivers[] = { &rootfs_overlay };

enum {
	SERVER_END_MS = 5000, /* to write what the kernel still held for it */
};

int rootfs_reopen(int fd, struct error *err)
{
	char path[PATH_MAX];
	_cleanup_(fd_closep) int again = -1;
	struct stat a, b;
	ssize_t n = readlink(path_of_fd(fd).s, path, sizeof(path) - 1);

	if (n < 0)
		return error_sys(err, "read the path of descriptor %d", fd);
	path[n] = '\0';
	again = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (again < 0)
		return error_sys(err, "open %s", path);
	if (fstat(fd, &a) < 0 || fstat(again, &b) < 0)
		return error_sys(err, "look at %s", path);
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return error_set(err, -ESTALE, "%s was replaced while it was in use", path);
	return TAKE_FD(again);
}

/* Each layer is open twice for a moment; the usual soft limit of 1024 ends at 500 of them. Returns
 * the old limit: the container starts with what the user has. */
static struct rlimit raise_files(void)
{
	struct rlimit old = { 0 }, all;

	if (getrlimit(RLIMIT_NOFILE, &old) == 0) {
		all = (struct rlimit){ .rlim_cur = old.rlim_max, .rlim_max = old.rlim_max };
		ignore_result(setrlimit(RLIMIT_NOFILE, &all)); /* EMFILE says it later */
	}
	return old;
}

static int forced_driver(const struct rootfs_ops **ret, struct error *err)
{
	const char *name = secure_getenv("CARREL_ROOTFS");

	*ret = NULL;
	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_eq(drivers[i]->name, name))
			*ret = drivers[i];
	if (*ret)
		return 0;
	return error_set(err, -EINVAL, "CARREL_ROOTFS is '%s': only 'overlay' is known", name);
}

static int mount_any(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	const struct rootfs_ops *forced;
	int r;

	if (spec->n_lowers == 0 || spec->n_lowers > ROOTFS_LAYERS_MAX)
		return error_set(err, -EINVAL, "an image of %u layers cannot be mounted (1 to %d)",
				 spec->n_lowers, ROOTFS_LAYERS_MAX);
	r = forced_driver(&forced, err);
	if (r < 0)
		return r;
	return (forced ? forced : drivers[0])->mount(spec, ret, err);
}

int rootfs_mount(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	struct rlimit old = raise_files();
	int r = mount_any(spec, ret, err);

	if (old.rlim_max)
		ignore_result(setrlimit(RLIMIT_NOFILE, &old)); /* lowering is always allowed */
	return r;
}

void rootfs_end(struct proc *server)
{
	struct pollfd p = { .fd = server->pidfd, .events = POLLIN };

	if (server->pidfd < 0)
		return;
	while (poll(&p, 1, SERVER_END_MS) < 0 && errno == EINTR)
		;
	proc_kill(server);
}
