/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "runtime/exec.h"
#include "runtime/mnt.h"
#include "runtime/plan.h"
#include "runtime/pty.h"
#include "runtime/tune.h"

/* Where the new root lies for a moment, in a mount namespace that ends with pivot_root. */
static const char place[] = "/tmp";

static int attach_root(const struct plan *p, struct error *err)
{
	_cleanup_(fd_closep) int at = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (at < 0)
		return error_sys(err, "open %s", place);
	r = mnt_attach(p->root, at);
	return r < 0 ? error_code(err, r, "attach the container's root file system") : 0;
}

static int attach_console(int slave, int dev, struct error *err)
{
	_cleanup_(fd_closep) int at =
		openat(dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_NOCTTY | O_CLOEXEC, 0600);
	_cleanup_(fd_closep) int copy = -1;
	int r;

	if (at < 0)
		return error_sys(err, "make /dev/console");
	copy = mnt_copy(slave, "");
	r = copy < 0 ? copy : mnt_attach(copy, at);
	return r < 0 ? error_code(err, r, "mount on /dev/console") : 0;
}

static int make_terminal(struct plan *p, int pts, int dev, int *ret_master, struct error *err)
{
	const struct ctr_spec *s = p->spec;
	struct pty pty;
	int r;

	if (!(s->flags & CTR_TTY))
		return 0;
	r = pty_open(pts, s->tty_rows, s->tty_cols, &pty, err);
	if (r < 0)
		return r;
	*ret_master = pty.master;
	for (int i = 0; i < 3; i++)
		p->exec.stdio[i] = pty.slave;
	if (fchown(pty.slave, p->user.uid, (gid_t)-1) < 0)
		return error_sys(err, "give the terminal to user %u", p->user.uid);
	return attach_console(pty.slave, dev, err);
}

static int open_cwd(const struct plan *p, int *ret, struct error *err)
{
	const char *cwd = p->spec->cwd && *p->spec->cwd ? p->spec->cwd : "/";
	int fd;

	if (!path_is_absolute(cwd))
		return error_set(err, -EINVAL, "the working directory %s is not an absolute path",
				 cwd);
	fd = path_mkdir_in_root(p->root, cwd, 0755);
	if (fd < 0)
		return error_code(err, fd, "make working directory %s in the container", cwd);
	*ret = fd;
	return 0;
}

static int set_read_only(const struct plan *p, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (!(p->spec->flags & CTR_READ_ONLY))
		return 0;
	/* This mount alone: what lies on it keeps its own flags. */
	if (mount_setattr(p->root, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return error_sys(err, "make the root file system read-only");
	return 0;
}

static int pivot(const struct plan *p, int cwd, struct error *err)
{
	if (fchdir(p->root) < 0)
		return error_sys(err, "enter the container's root");
	/* The old root lands on top of the new one and is taken off, with all host mounts. */
	if (sys_pivot_root(".", ".") < 0)
		return error_sys(err, "make the container's root the root");
	if (umount2(".", MNT_DETACH) < 0)
		return error_sys(err, "leave the host's files");
	if (chdir("/") < 0 || fchdir(cwd) < 0)
		return error_sys(err, "enter the working directory");
	return 0;
}

/* The netstack of a private network does it where it sets the addresses. */
static int loopback_up(const struct plan *p, struct error *err)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	_cleanup_(fd_closep) int fd = -1;

	if (p->spec->net != NET_NONE)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return error_sys(err, "bring up lo");
	return 0;
}

static int prepare(struct plan *p, int *ret_master, int *ret_proc, struct error *err)
{
	_cleanup_(mounts_done) struct mounts m = { -1, -1, -1 };
	_cleanup_(fd_closep) int cwd = -1;
	int r;

	r = ids_take(&p->ids);
	if (r < 0)
		return error_code(err, r, "become root of the container");
	if (p->spec->cgroup_fd >= 0 && unshare(CLONE_NEWCGROUP) < 0)
		return error_sys(err, "make the container's cgroup namespace");
	if (sethostname(p->spec->hostname, strlen(p->spec->hostname)) < 0)
		return error_sys(err, "set host name %s", p->spec->hostname);
	r = loopback_up(p, err);
	if (r == 0)
		r = attach_root(p, err);
	if (r == 0)
		r = mounts_attach(p, &m, err);
	if (r == 0)
		r = make_terminal(p, m.pts, m.dev, ret_master, err);
	if (r == 0)
		r = volumes_attach(p, err);
	/* After the volumes: it may lie on one. */
	if (r == 0)
		r = open_cwd(p, &cwd, err);
	if (r == 0)
		r = set_read_only(p, err);
	if (r == 0)
		r = pivot(p, cwd, err);
	*ret_proc = TAKE_FD(m.proc);
	return r;
}

/* While the parent writes our id map. */
static int make_netns(const struct plan *p, struct error *err)
{
	if (p->spec->net != NET_NONE || unshare(CLONE_NEWNET) == 0)
		return 0;
	error_sys(err, "make the container's network namespace");
	if (err->code == -ENOSPC)
		error_host(err, DCODE_NETNS_OFF);
	return err->code;
}

int pid1_main(void *plan)
{
	struct plan *p = plan;
	struct error err = { 0 };
	int master = -1, proc = -1, fds[PID1_FDS_MAX], r;
	size_t n_fds = 0;

	p->exec.report = p->sync;
	/* With a copy of the other end we would wait for ever for a parent that was killed. */
	fd_close(TAKE_FD(p->gate));
	r = make_netns(p, &err);
	exec_wait(p->sync);
	if (r < 0)
		exec_fail(p->sync, &err);
	r = tune_apply(&p->spec->tune, &err);
	if (r < 0)
		exec_fail(p->sync, &err);
	ignore_result(tune_session(&p->spec->tune)); /* the parent looks, and tells */
	/* After the maps, whose files would not be the parent's any more. From the moment that our
	 * pid is on record somebody may want to join us, while the host's root and all of its
	 * descriptors are still here: it is refused, and cannot look into us (CVE-2016-9962). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		error_sys(&err, "make this process undumpable");
		exec_fail(p->sync, &err);
	}
	if (send(p->sync, "", 1, MSG_NOSIGNAL) != 1)
		_exit(EXIT_OURS); /* the parent is gone */
	r = prepare(p, &master, &proc, &err);
	if (r < 0)
		exec_fail(p->sync, &err);
	if (master >= 0)
		fds[n_fds++] = master;
	if (proc >= 0)
		fds[n_fds++] = proc;
	r = fd_send(p->sync, &err, sizeof(err), fds, n_fds, 0);
	if (r < 0)
		_exit(EXIT_OURS);
	fd_close(master);
	fd_close(proc);
	/* What is left to do it does while the parent makes the rest ready. */
	p->exec.gated = true;
	exec_program(&p->exec);
}
