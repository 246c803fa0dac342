/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "runtime/pid1.h"
#include "runtime/plan.h"

/*
 * Theory of operation. One socket joins the parent (in U) and pid 1 (in N):
 *	parent -> pid 1	one byte: your id maps are written (ctr_create)
 *	pid 1 -> parent	struct error: everything is mounted, with the pty's master; or why not
 *			(ctr_ready)
 *	parent -> pid 1	one byte: go on (ctr_start)
 *	pid 1 -> parent	struct error, or end of file: the exec closed it, the program runs
 * The parent closes its copy of pid 1's end at once, so that end of file means pid 1 alone.
 */
static const uint64_t namespaces =
	CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

static int clone_failed(int r, const struct ctr_spec *spec, struct error *err)
{
	error_code(err, r, "make the container's namespaces");
	if (r == -ENOSPC && spec->net != NET_HOST)
		error_host(err, DCODE_NETNS_OFF);
	else if (r == -ENOSPC || r == -EUSERS)
		error_host(err, DCODE_USERNS_OFF);
	else if (r == -ENOSYS)
		error_host(err, DCODE_KERNEL_OLD);
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

/* One struct error from pid 1, with at most one descriptor. 0: end of file. */
static int receive(struct ctr *c, struct error *ret, int *ret_fd)
{
	size_t n_fds = 1;
	int fd = -1;
	ssize_t n = fd_recv(c->gate_fd, ret, sizeof(*ret), &fd, &n_fds, 0);

	if (n == 0 || n == -ECONNRESET)
		return 0;
	if (n != sizeof(*ret)) {
		fd_close(n_fds ? fd : -1);
		return n < 0 ? (int)n : -EPROTO;
	}
	*ret_fd = n_fds ? fd : -1;
	return 1;
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

	c->userns_fd = open_ns(c->init.pid, "user", err);
	if (c->userns_fd < 0)
		return c->userns_fd;
	if (spec->net != NET_HOST) {
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

static int start(struct ctr *c, struct plan *p, struct error *err)
{
	uint64_t flags = namespaces | (p->spec->net == NET_HOST ? 0 : CLONE_NEWNET);
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	c->gate_fd = pair[0];
	p->sync = pair[1];
	p->gate = pair[0];
	/* A cgroup namespace has the cgroup of the one who makes it as its root: in a cgroup of its
	 * own pid 1 makes it itself, or it would see ours (/proc/self/cgroup: "0::/../..."). */
	if (p->spec->cgroup_fd >= 0)
		flags = (flags & ~(uint64_t)CLONE_NEWCGROUP) | CLONE_INTO_CGROUP;
	r = proc_clone(flags, p->spec->cgroup_fd, pid1_main, p, &c->init);
	fd_close(pair[1]);
	return r < 0 ? clone_failed(r, p->spec, err) : set_up(c, p, err);
}

int ctr_create(const struct ctr_spec *spec, struct ctr *ret, struct error *err)
{
	struct ctr c = CTR_NONE;
	struct plan p;
	int r;

	/* The user's own mask is not for "/" and /etc/hosts, which container users must read. */
	(void)umask(022);
	r = plan_make(spec, &p, err);
	if (r == 0)
		r = start(&c, &p, err);
	plan_done(&p);
	if (r < 0) {
		ctr_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int ctr_ready(struct ctr *c, struct error *err)
{
	struct error said;
	int r = receive(c, &said, &c->pty_master);

	if (r < 0)
		return error_code(err, r, "hear from the container's first process");
	if (r == 0)
		return error_set(err, -EIO, "the container's first process ended during set-up");
	return said.code < 0 ? take_error(err, &said) : 0;
}

int ctr_start(struct ctr *c, struct error *err)
{
	struct error said = { 0 };
	int fd = -1, r;

	if (send(c->gate_fd, "", 1, MSG_NOSIGNAL) != 1)
		return error_sys(err, "let the container start");
	r = receive(c, &said, &fd);
	fd_close(fd);
	fd_close(TAKE_FD(c->gate_fd));
	if (r == 0)
		return 0;
	proc_kill(&c->init);
	return r < 0 ? error_code(err, r, "hear from the container's first process")
		     : take_error(err, &said);
}

void ctr_done(struct ctr *c)
{
	if (c->gate_fd >= 0)
		proc_kill(&c->init);
	else
		proc_done(&c->init);
	fd_close(TAKE_FD(c->gate_fd));
	fd_close(TAKE_FD(c->netns_fd));
	fd_close(TAKE_FD(c->userns_fd));
	fd_close(TAKE_FD(c->pty_master));
}
