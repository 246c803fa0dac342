/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/sys.h"
#include "runtime/pid1.h"
#include "runtime/plan.h"
#include "runtime/rootfs.h"

/*
 * Theory of operation. One socket joins the parent (in U) and pid 1 (in N):
 *	parent -> pid 1	one byte: your id maps are written (ctr_create)
 *	pid 1 -> parent	one byte: nobody of our id can look into it any more (ctr_hidden); or
 *			struct error, why it ends
 *	pid 1 -> parent	struct error: everything is mounted, with the pty's master; or why not
 *			(ctr_ready)
 *	parent -> pid 1	one byte: everything else is ready, too (ctr_start); pid 1 has nothing
 *			left to do but its exec
 *	pid 1 -> parent	struct error, or end of file: the exec closed it, the program runs
 * The parent closes its copy of pid 1's end at once, so that end of file means pid 1 alone.
 */
static const uint64_t namespaces =
	CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

static int clone_failed(int r, const struct ctr_spec *spec, struct error *err)
{
	error_code(err, r, "make the container's namespaces");
	if (r == -ENOSPC && spec->net == NET_PRIVATE)
		error_host(err, DCODE_NETNS_OFF);
	else if (r == -ENOSPC || r == -EUSERS)
		error_host(err, DCODE_USERNS_OFF);
	else if (r == -ENOSYS)
		error_host(err, DCODE_KERNEL_OLD);
	else
		proc_clone_hint(err, r);
	return r;
}

static int open_ns(pid_t pid, const char *name, struct error *err)
{
	char path[48];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, "open the container's %s namespace", name) : fd;
}

/* One struct error from pid 1, with up to PID1_FDS_MAX descriptors. 0: end of file. */
static int receive(const struct ctr *c, struct error *ret, int fds[PID1_FDS_MAX], size_t *ret_n)
{
	size_t n_fds = PID1_FDS_MAX;
	ssize_t n = fd_recv(c->gate_fd, ret, sizeof(*ret), fds, &n_fds, 0);

	/* It ended with our byte unread: the kernel tells that first, then what it had said. */
	if (n == -ECONNRESET) {
		n_fds = PID1_FDS_MAX;
		n = fd_recv(c->gate_fd, ret, sizeof(*ret), fds, &n_fds, 0);
	}
	if (n == 0 || n == -ECONNRESET)
		return 0;
	if (n != sizeof(*ret)) {
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		return n < 0 ? (int)n : -EPROTO;
	}
	*ret_n = n_fds;
	return 1;
}

/* In pid 1's order: the pty's master, where there is a terminal, and its proc, where it is asked
 * for. */
static void take_fds(struct ctr *c, int *fds, size_t n)
{
	size_t i = 0;

	if ((c->flags & CTR_TTY) && i < n)
		c->pty_master = fds[i++];
	if ((c->flags & CTR_KEEP_PROC) && i < n)
		c->proc_fd = fds[i++];
	for (; i < n; i++)
		fd_close(fds[i]);
}

static int take_error(struct error *err, const struct error *from)
{
	struct error said;

	error_import(&said, from);
	if (err)
		*err = said;
	return said.code;
}

static int set_up(struct ctr *c, const struct plan *p, struct error *err)
{
	const struct ctr_spec *spec = p->spec;
	int r;

	if (spec->net == NET_PRIVATE) {
		c->userns_fd = open_ns(c->init.pid, "user", err);
		if (c->userns_fd < 0)
			return c->userns_fd;
		c->netns_fd = open_ns(c->init.pid, "net", err);
		if (c->netns_fd < 0)
			return c->netns_fd;
	}
	r = userns_map_nested(c->init.pid, &spec->map, p->ids.uid, p->ids.gid, err);
	/* Now: with hidepid= on /proc it cannot be read once pid 1 is undumpable. */
	if (r == 0) {
		r = proc_start_time(c->init.pid, &c->start_time);
		if (r < 0)
			return error_code(err, r, "look at the container's first process");
	}
	if (r == 0 && send(c->gate_fd, "", 1, MSG_NOSIGNAL) != 1)
		r = error_sys(err, "talk to the container's first process");
	return r;
}

static int lower_nproc(uint64_t max, struct rlimit *ret_old)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NPROC, ret_old) < 0)
		return -errno;
	limit = *ret_old;
	if (max < limit.rlim_max)
		limit.rlim_cur = max;
	return setrlimit(RLIMIT_NPROC, &limit) < 0 ? -errno : 0;
}

/*
 * A user namespace remembers the RLIMIT_NPROC of who makes it, and holds it against the count of
 * its maker's id in the namespace above (Linux 5.14). Root of U has other processes, too; the owner
 * that was asked for has none, so that the count is that of N, of all ids in it. The capabilities
 * for N's creation come with the ownership, and our own come back with our id.
 */
static int clone_owned(uint64_t flags, struct plan *p, struct proc *ret)
{
	const struct ctr_spec *spec = p->spec;
	struct rlimit old;
	int r, back = 0;

	r = lower_nproc(spec->max_processes ? spec->max_processes : RLIM_INFINITY, &old);
	if (r < 0)
		return r;
	r = setresuid((uid_t)-1, spec->owner, (uid_t)-1) < 0 ? -errno : 0;
	/* The change took it away, and with it our right to write the child's id map. */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = proc_clone(flags, spec->cgroup_fd, pid1_main, p, ret);
	if (setresuid((uid_t)-1, 0, (uid_t)-1) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_NPROC, &old) < 0)
		back = -errno;
	if (r == 0 && back < 0)
		proc_kill(ret);
	return r < 0 ? r : back;
}

static int clone_pid1(uint64_t flags, struct plan *p, struct proc *ret)
{
	if (p->spec->owner)
		return clone_owned(flags, p, ret);
	return proc_clone(flags, p->spec->cgroup_fd, pid1_main, p, ret);
}

/*
 * A cgroup namespace has the cgroup of the one who makes it as its root: in a cgroup of its own pid
 * 1 makes it itself, or it would see ours (/proc/self/cgroup: "0::/../..."). Where clone3 is
 * filtered, or may not be used by the id that N is to have, pid 1 is moved before it goes on.
 */
static int clone_into_cgroup(uint64_t flags, struct plan *p, struct proc *ret)
{
	int r;

	flags &= ~(uint64_t)CLONE_NEWCGROUP;
	r = clone_pid1(flags | CLONE_INTO_CGROUP, p, ret);
	if (r != -ENOSYS && r != -EACCES)
		return r;
	r = clone_pid1(flags, p, ret);
	if (r < 0)
		return r;
	r = cgroupfs_enter(p->spec->cgroup_fd, ret->pid);
	if (r < 0)
		proc_kill(ret);
	return r;
}

static int start(struct ctr *c, struct plan *p, struct error *err)
{
	/* It is two thirds of the clone. Where nobody asks for it from outside pid 1 makes it. */
	uint64_t flags = namespaces | (p->spec->net == NET_PRIVATE ? CLONE_NEWNET : 0);
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	c->gate_fd = pair[0];
	p->sync = pair[1];
	p->gate = pair[0];
	if (p->spec->cgroup_fd >= 0)
		r = clone_into_cgroup(flags, p, &c->init);
	else
		r = clone_pid1(flags, p, &c->init);
	fd_close(pair[1]);
	/* Whoever drops a detached mount as the last one waits for the kernel: not pid 1. */
	c->files_fd = TAKE_FD(p->files_dir);
	return r < 0 ? clone_failed(r, p->spec, err) : set_up(c, p, err);
}

int ctr_create(const struct ctr_spec *spec, struct ctr *ret, struct error *err)
{
	struct ctr c = CTR_NONE;
	struct plan p;
	int r;

	c.flags = spec->flags;

	/* The user's own mask is not for "/" and /etc/hosts, which container users must read. */
	(void)umask(022);
	r = plan_make(spec, &p, err);
	if (r == 0) {
		c.server = p.server;
		p.server.pidfd = -1;
		r = start(&c, &p, err);
	}
	plan_done(&p);
	if (r < 0) {
		ctr_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

static int hear(int r, struct error *err)
{
	if (r < 0)
		return error_code(err, r, "hear from the container's first process");
	if (r == 0) {
		error_set(err, -EIO, "the container's first process ended during set-up");
		error_hint(err,
			   "it was killed: by `carrel kill` or `carrel rm -f`, or where memory has "
			   "run out");
		return -EIO;
	}
	return 0;
}

int ctr_hidden(const struct ctr *c, struct error *err)
{
	struct error said;
	ssize_t n = fd_recv(c->gate_fd, &said, sizeof(said), NULL, NULL, 0);

	if (n == 1)
		return 0;
	if (n == sizeof(said))
		return take_error(err, &said);
	return hear(n > 0 ? -EPROTO : n == -ECONNRESET ? 0 : (int)n, err);
}

int ctr_ready(struct ctr *c, struct error *err)
{
	int fds[PID1_FDS_MAX] = { -1, -1 }, r;
	struct error said;
	size_t n = 0;

	r = receive(c, &said, fds, &n);
	if (r <= 0)
		return hear(r, err);
	take_fds(c, fds, n);
	return said.code < 0 ? take_error(err, &said) : 0;
}

int ctr_start(struct ctr *c, struct error *err)
{
	struct error said = { 0 };
	int fds[PID1_FDS_MAX] = { -1, -1 }, r;
	size_t n = 0;
	bool gone;

	/* Where it has failed on its way to the gate, it has left word why. */
	gone = send(c->gate_fd, "", 1, MSG_NOSIGNAL) != 1;
	r = receive(c, &said, fds, &n);
	for (size_t i = 0; i < n; i++)
		fd_close(fds[i]); /* it sends none now */
	fd_close(TAKE_FD(c->gate_fd));
	if (r == 0 && !gone) {
		fd_close(TAKE_FD(c->files_fd));
		return 0;
	}
	proc_kill(&c->init);
	if (r == 0)
		return hear(r, err);
	return r < 0 ? error_code(err, r, "hear from the container's first process")
		     : take_error(err, &said);
}

void ctr_done(struct ctr *c)
{
	if (c->gate_fd >= 0)
		proc_kill(&c->init);
	else
		proc_done(&c->init);
	proc_end(&c->server, ROOTFS_END_MS); /* the mount went with pid 1 */
	fd_close(TAKE_FD(c->gate_fd));
	fd_close(TAKE_FD(c->netns_fd));
	fd_close(TAKE_FD(c->userns_fd));
	fd_close(TAKE_FD(c->files_fd));
	fd_close(TAKE_FD(c->pty_master));
	fd_close(TAKE_FD(c->proc_fd));
}
