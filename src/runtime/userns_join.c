/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "runtime/hostdiag.h"

/*
 * The kernel counts these per user namespace, against what its maker had: one shell's ulimit must
 * not become the limit of a container that another shell started.
 */
static const __rlimit_resource_t counted[] = { RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_SIGPENDING,
					       RLIMIT_MSGQUEUE };

static bool has_our_limits(pid_t pid)
{
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		struct rlimit own, its;

		if (prlimit(0, counted[i], NULL, &own) < 0 ||
		    prlimit(pid, counted[i], NULL, &its) < 0 || own.rlim_cur != its.rlim_cur ||
		    own.rlim_max != its.rlim_max)
			return false;
	}
	return true;
}

static bool same_extents(const struct idmap_extent *a, unsigned n_a, const struct idmap_extent *b,
			 unsigned n_b)
{
	return n_a == n_b && memcmp(a, b, n_a * sizeof(*a)) == 0;
}

static bool has_map(pid_t pid, const struct idmap *m)
{
	struct idmap its;

	if (idmap_of(pid, &its) < 0 || its.uid0 != m->uid0 || its.gid0 != m->gid0)
		return false;
	return same_extents(its.uids, its.n_uid_extents, m->uids, m->n_uid_extents) &&
	       same_extents(its.gids, its.n_gid_extents, m->gids, m->n_gid_extents);
}

/* Made by this user, directly below the namespace that we are in: nobody's N, nobody else's U. */
static bool is_child_of_ours(int ns)
{
	_cleanup_(fd_closep) int parent = ioctl(ns, NS_GET_PARENT);
	struct stat a, b;
	uid_t owner;

	if (parent < 0 || ioctl(ns, NS_GET_OWNER_UID, &owner) < 0 || owner != geteuid())
		return false;
	return fstat(parent, &a) == 0 && stat("/proc/self/ns/user", &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int open_ns(int pidfd, pid_t pid, const struct idmap *map)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	_cleanup_(fd_closep) int ns = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return -errno;
	if (!is_child_of_ours(ns) || !has_map(pid, map) || !has_our_limits(pid))
		return -EXDEV;
	/* All that was read by its number was this process: it has not ended since. */
	return poll(&p, 1, 0) == 0 ? TAKE_FD(ns) : -ESRCH;
}

int userns_join(int pidfd, pid_t pid, const struct idmap *map, struct error *err)
{
	_cleanup_(fd_closep) int ns = -1;
	int r;

	if (userns_is_inside())
		return 1;
	ns = open_ns(pidfd, pid, map);
	if (ns < 0)
		return 0;
	userns_hold_mounts();
	dirs_keep_caller();
	if (setns(ns, CLONE_NEWUSER) < 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0)
		return hostdiag_userns(-errno, err);
	r = userns_become_root(err);
	return r < 0 ? r : 1;
}
