/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "initctl.h"
#include "runtime/command.h"
#include "runtime/ctr.h"
#include "runtime/exec.h"
#include "runtime/joinreport.h"
#include "runtime/live.h"
#include "runtime/oneid.h"
#include "runtime/pty.h"
#include "runtime/users.h"

/*
 * Theory of operation of ctr_exec(). Two steps, because a process changes its pid namespace only
 * for its children:
 *	joiner: undumpable and without host descriptors before anything else, because from setns on
 *	        container root could look into it (CVE-2016-9962); joins all namespaces at once,
 *	        looks up user and command inside, makes the terminal
 *	B:      cloned by the joiner as a child of *our* parent (CLONE_PARENT), so that the caller
 *	        waits for it and it dies with the caller; walks exec_program()
 * Both write to one socket: the joiner B's pidfd and the terminal, either of them its error. End of
 * file without an error: the program runs.
 */
struct joiner {
	const struct ctr_exec *req;
	int report;
	struct ids ids; /* of the container's root */
	bool waits;	/* for one byte, until it is in the cgroup */
	int other_end;	/* the parent's, which would hide its end */
	struct user user;
	struct command cmd;
	char mode[16]; /* of libexec/carrel/init */
};

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* since Linux 6.9 */
#endif

enum {
	HELPER_SIZE_MAX = 8 << 20,
};

/* No mount can be made on the host side: a sealed memory file keeps writers away as well. */
static int copy_helper(struct joiner *j, struct error *err)
{
	_cleanup_(fd_closep) int dir = -1, file = -1;
	_cleanup_(freep) char *data = NULL;
	size_t len;
	int r;

	/* Its other task: the nice value of the session, which B cannot set while it is ours. */
	if (exec_own_binary_is_safe() && !(j->req->tune.flags & TUNE_NICE))
		return 0;
	dir = proc_open_libexec(err);
	if (dir < 0)
		return dir;
	file = openat(dir, "init", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0)
		return error_sys(err, "open libexec/carrel/init");
	r = fd_read_to_end(file, HELPER_SIZE_MAX, &data, &len);
	if (r < 0)
		return error_code(err, r, "read libexec/carrel/init");
	j->cmd.helper = fd_memfd("carrel-init", data, len);
	return j->cmd.helper < 0 ? error_code(err, j->cmd.helper, "copy libexec/carrel/init") : 0;
}

static bool same_netns(pid_t pid)
{
	struct stat a, b;
	char dir[LIVE_DIR_MAX], path[LIVE_DIR_MAX + 8];

	(void)snprintf(path, sizeof(path), "%s/ns/net", live_dir(pid, dir));
	return stat("/proc/self/ns/net", &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino;
}

/* The pidfd of a process whose first thread has ended joins nothing, that of another thread does.
 */
static int join_by_thread(const struct ctr_exec *q, int flags)
{
	struct pollfd whole = { .fd = q->pidfd, .events = POLLIN };
	_cleanup_(fd_closep) int fd = -1;
	pid_t tid = live_thread(q->pid);
	char path[48];

	if (tid < 0 || tid == q->pid)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
	if (fd < 0)
		return errno == EINVAL ? -ENOSYS : -errno;
	/* Seen after the open: the number is still that thread's, and the process is still ours. */
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d", q->pid, tid);
	if (access(path, F_OK) < 0 || poll(&whole, 1, 0) != 0)
		return -ESRCH;
	return setns(fd, flags) < 0 ? -errno : 0;
}

static int join_all(const struct ctr_exec *q, int flags, struct error *err)
{
	int r = setns(q->pidfd, flags) < 0 ? -errno : 0;

	if (r == -ESRCH)
		r = join_by_thread(q, flags);
	if (r == -ENOSYS)
		return error_set(err, r,
				 "join the container: the first thread of its process %d has "
				 "ended, and Linux before 6.9 joins no other",
				 q->pid);
	if (r < 0)
		error_code(err, r, "join the container");
	if (r == -ESRCH)
		error_hint(err, "it has just ended");
	else if (r == -EPERM)
		error_hint(err, "it may just be starting: try again");
	return r;
}

static int join(struct joiner *j, struct error *err)
{
	const struct ctr_exec *q = j->req;
	int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWCGROUP;
	int keep[6] = { j->report, q->pidfd, q->stdio[0], q->stdio[1], q->stdio[2], j->cmd.helper };
	int r;

	/* --network host: it is ours already, and joining it would take the host's root. */
	if (!same_netns(q->pid))
		flags |= CLONE_NEWNET;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_sys(err, "make this process undumpable");
	r = proc_close_fds(keep, j->cmd.helper >= 0 ? 6 : 5);
	if (r < 0)
		return error_code(err, r, "close the host's descriptors");
	r = join_all(q, flags, err);
	if (r < 0)
		return r;
	r = ids_take(&j->ids);
	return r < 0 ? error_code(err, r, "become root of the container") : 0;
}

static int look_up(struct joiner *j, struct error *err)
{
	const struct ctr_exec *q = j->req;
	_cleanup_(fd_closep) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct command *c = &j->cmd;
	int r;

	if (root < 0)
		return error_sys(err, "open the container's root");
	r = users_lookup(root, q->user ? q->user : "", &j->user, err);
	if (r == 0)
		r = ids_fit(&j->ids, q->flags & CTR_USER_ASKED, &j->user, err);
	if (r < 0)
		return r;
	command_fill(c, q->argv, q->envp, j->user.home);
	(void)snprintf(j->mode, sizeof(j->mode), INITCTL_NICE "%d", q->tune.nice);
	if (c->helper >= 0)
		command_helper_argv(c, q->tune.flags & TUNE_NICE ? j->mode : "exec");
	c->user = &j->user;
	c->caps = q->caps;
	c->flags = q->flags;
	c->single = j->ids.single;
	c->umask = 022;
	c->rlimits = q->rlimits;
	c->n_rlimits = q->n_rlimits;
	c->report = j->report;
	for (int i = 0; i < 3; i++)
		c->stdio[i] = q->stdio[i];
	if (q->cwd && *q->cwd && chdir(q->cwd) < 0) {
		error_sys(err, "enter working directory %s", q->cwd);
		error_hint(err, "it must be there in the container; -w names another one");
		error_exit(err, EXIT_CANNOT_EXEC);
		return err->code;
	}
	return 0;
}

static int make_terminal(struct joiner *j, int *ret_master, struct error *err)
{
	const struct ctr_exec *q = j->req;
	_cleanup_(fd_closep) int pts = -1;
	struct pty pty;
	int r;

	if (!(q->flags & CTR_TTY))
		return 0;
	pts = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (pts < 0)
		return error_sys(err, "open /dev/pts of the container");
	r = pty_open(pts, q->tty_rows, q->tty_cols, &pty, err);
	if (r < 0)
		return r;
	if (fchown(pty.slave, j->user.uid, (gid_t)-1) < 0)
		return error_sys(err, "give the terminal to user %u", j->user.uid);
	for (int i = 0; i < 3; i++)
		j->cmd.stdio[i] = pty.slave;
	*ret_master = pty.master;
	return 0;
}

static int program_main(void *arg)
{
	const struct joiner *j = arg;

	exec_program(&j->cmd);
}

static int joiner_main(void *arg)
{
	struct joiner *j = arg;
	struct error err = { 0 };
	int fds[2] = { -1, -1 };
	struct proc p;
	char c;
	int r;

	fd_close(j->other_end);
	if (j->waits && recv(j->report, &c, 1, 0) != 1)
		return EXIT_OURS; /* the parent gave up */
	r = ids_read(j->req->pid, &j->ids, &err);
	j->ids.why = j->req->one_id;
	/* While /proc is the host's, and our own files in it are ours. */
	if (r == 0)
		r = tune_apply(&j->req->tune, &err);
	if (r == 0)
		r = copy_helper(j, &err);
	if (r == 0)
		r = join(j, &err);
	if (r == 0)
		r = look_up(j, &err);
	if (r == 0)
		r = make_terminal(j, &fds[1], &err);
	if (r == 0) {
		r = proc_clone(CLONE_PARENT, -1, program_main, j, &p);
		if (r < 0)
			error_code(&err, r, "start a process in the container");
		if (r == -EAGAIN)
			error_hint(&err, "the container has as many as it may (`carrel explain` "
					 "shows the limit; where a cgroup holds it, `carrel update "
					 "--pids-limit` changes it), or the user has: ulimit -u "
					 "shows that");
	}
	if (r < 0)
		exec_fail(j->report, &err);
	fds[0] = p.pidfd;
	r = fd_send(j->report, &err, sizeof(err), fds, fds[1] >= 0 ? 2 : 1, 0);
	return r < 0 ? EXIT_OURS : 0;
}

/*
 * The joiner is born in the container's cgroup, and what it starts with it. A caller outside of the
 * delegation, as a login shell is, may not do that: then somebody else moves it (req->place).
 */
static int start_joiner(struct joiner *j, struct proc *ret, struct error *err)
{
	const struct ctr_exec *q = j->req;
	int r;

	r = proc_clone(q->cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0, q->cgroup_fd, joiner_main, j,
		       ret);
	/* Or by a write, where clone3 is filtered. */
	if (q->cgroup_fd >= 0 && (r == -EACCES || r == -ENOSYS)) {
		j->waits = true;
		r = proc_clone(0, -1, joiner_main, j, ret);
	}
	return r < 0 ? proc_clone_error(err, r, "a process") : 0;
}

static int let_in(const struct ctr_exec *q, const struct joiner *j, pid_t pid, struct error *err)
{
	int r = cgroupfs_enter(q->cgroup_fd, pid);

	if (r == -EACCES && q->place)
		r = q->place(pid, q->place_data, err);
	else if (r < 0)
		error_code(err, r, "put a process into the container's cgroup");
	if (r == 0 && send(j->other_end, "", 1, MSG_NOSIGNAL) != 1)
		r = error_sys(err, "let the process go on");
	return r;
}

int ctr_exec(const struct ctr_exec *req, struct proc *ret, int *ret_pty_master, struct error *err)
{
	_cleanup_(fd_closep) int sock = -1;
	struct joiner j = { .req = req, .cmd = { .helper = -1 } };
	struct joinreport a = { .proc = { .pidfd = -1 }, .master = -1 };
	struct proc joiner;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	sock = pair[0];
	j.report = pair[1];
	j.other_end = pair[0];
	r = start_joiner(&j, &joiner, err);
	fd_close(pair[1]);
	if (r == 0 && j.waits) {
		r = let_in(req, &j, joiner.pid, err);
		if (r < 0)
			proc_kill(&joiner);
	}
	if (r < 0)
		return r;
	r = joinreport_hear(sock, &a, err);
	proc_kill(&joiner); /* it has nothing left to do */
	if (r < 0) {
		joinreport_done(&a);
		return r;
	}
	*ret = a.proc;
	if (ret_pty_master)
		*ret_pty_master = a.master;
	return 0;
}
