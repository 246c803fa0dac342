/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/procstat.h"
#include "base/str.h"
#include "base/sys.h"

extern char **environ;

enum {
	OPEN_FALLBACK_MAX = 1 << 16,
	SPAWN_FDS_MAX = 16,
	PROC_FLAG_EXITING = 0x4, /* PF_EXITING of the kernel, as /proc shows it since ever */
};

#define BIT(sig) (UINT64_C(1) << ((sig)-1))

/* That programs of ours ignore at some time or other. */
#define OURS (BIT(SIGPIPE) | BIT(SIGXFSZ) | BIT(SIGCHLD) | BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGTERM))

/*
 * Handlers of the parent must not run in the child, and ignored signals survive an exec. Those that
 * are not default are found out once: a child after the first one saves sixty calls. Asked of the
 * kernel itself: libc refuses to touch its own 32 and 33, which GNU make hands down ignored.
 */
static uint64_t signals_taken(void)
{
	static uint64_t taken;

	if (taken)
		return taken;
	taken = OURS;
	for (int s = 1; s < NSIG; s++) {
		unsigned long now[8] = { 0 }; /* struct sigaction of the kernel: handler first */

		if (syscall(SYS_rt_sigaction, s, NULL, now, (size_t)8) == 0 && now[0])
			taken |= BIT(s);
	}
	return taken;
}

static void signals_default(uint64_t taken)
{
	static const unsigned long dfl[8]; /* SIG_DFL, no flags */

	for (int s = 1; s < NSIG; s++)
		if (taken & BIT(s))
			(void)syscall(SYS_rt_sigaction, s, dfl, NULL, (size_t)8);
}

void proc_clone_hint(struct error *err, int r)
{
	if (r == -EAGAIN)
		error_hint(err, "the limit of your processes is reached: ulimit -u shows it");
}

int proc_clone_error(struct error *err, int r, const char *what)
{
	error_code(err, r, "start %s", what);
	proc_clone_hint(err, r);
	return r;
}

void proc_hear_write_errors(void)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
}

void proc_keep_children(void)
{
	static const struct sigaction keep = { .sa_handler = SIG_DFL };

	(void)sigaction(SIGCHLD, &keep, NULL);
}

/* Container engines filter clone3 by ENOSYS, because seccomp cannot look into its struct. */
#define CLASSIC_FLAGS                                                                              \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP | CLONE_PARENT)

static int clone_classic(const struct clone_args *args)
{
	/* The third argument, where the pidfd goes, is the same on every architecture we know. */
	long pid = syscall(SYS_clone, args->flags | args->exit_signal, NULL, args->pidfd, 0, 0);

	return pid < 0 ? -errno : (int)pid;
}

int proc_clone(uint64_t clone_flags, int cgroup_fd, int (*fn)(void *arg), void *arg,
	       struct proc *ret)
{
	int pidfd = -1, pid;
	struct clone_args args = {
		.flags = clone_flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		/* A sibling (CLONE_PARENT) takes over the caller's own exit signal. */
		.exit_signal = clone_flags & CLONE_PARENT ? 0 : SIGCHLD,
		.cgroup = clone_flags & CLONE_INTO_CGROUP ? (uint64_t)cgroup_fd : 0,
	};
	uint64_t taken = signals_taken();
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = sys_clone3(&args, sizeof(args));
	if (pid == -ENOSYS && !(clone_flags & ~CLASSIC_FLAGS))
		pid = clone_classic(&args);
	if (pid == 0) {
		sigset_t none;

		signals_default(taken);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		_exit(fn(arg));
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return pid;
	*ret = (struct proc){ .pidfd = pidfd, .pid = pid };
	return 0;
}

#ifdef __SANITIZE_ADDRESS__
/* Its marks on the stack of a child that never returns would stay there, for us. */
int proc_clone_vm(int clone_flags, struct proc_stack *stack, int (*fn)(void *arg), void *arg,
		  struct proc *ret)
{
	(void)stack;
	return proc_clone((uint64_t)(clone_flags & ~CLONE_VFORK), -1, fn, arg, ret);
}
#else
/* Lies at the low end of the child's stack, since it may outlive proc_clone_vm(). */
struct vm_child {
	int (*fn)(void *arg);
	void *arg;
	uint64_t taken;
};

static int vm_main(void *arg)
{
	const struct vm_child *c = arg;

	signals_default(c->taken);
	_exit(c->fn(c->arg));
}

/* By clone(3): only libc, in assembly, can leave the stack on which it was called. */
int proc_clone_vm(int clone_flags, struct proc_stack *stack, int (*fn)(void *arg), void *arg,
		  struct proc *ret)
{
	struct vm_child *c = (struct vm_child *)stack->bytes;
	int pidfd = -1, pid;
	sigset_t all, old;

	*c = (struct vm_child){ .fn = fn, .arg = arg, .taken = signals_taken() };
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = clone(vm_main, stack + 1, clone_flags | CLONE_VM | CLONE_PIDFD | SIGCHLD, c, &pidfd);
	if (pid < 0)
		pid = -errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return pid;
	*ret = (struct proc){ .pidfd = pidfd, .pid = pid };
	return 0;
}
#endif

static int compare_int(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int close_from_to(unsigned first, unsigned last)
{
	if (first > last)
		return 0;
	if (syscall(SYS_close_range, first, last, 0) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	/* Before 5.9: the limit is the only bound that needs no /proc. */
	long max = sysconf(_SC_OPEN_MAX);

	if (max < 0 || max > OPEN_FALLBACK_MAX)
		max = OPEN_FALLBACK_MAX;
	for (unsigned fd = first; fd <= last && (long)fd < max; fd++)
		(void)close((int)fd);
	return 0;
}

int proc_close_fds(const int *keep, unsigned n)
{
	int sorted[32];
	unsigned from = 3;

	if (n > ARRAY_SIZE(sorted))
		return -EINVAL;
	if (n)
		memcpy(sorted, keep, n * sizeof(*keep));
	qsort(sorted, n, sizeof(*sorted), compare_int);
	for (unsigned i = 0; i < n; i++) {
		int r;

		if (sorted[i] < (int)from)
			continue;
		r = close_from_to(from, (unsigned)sorted[i] - 1);
		if (r < 0)
			return r;
		from = (unsigned)sorted[i] + 1;
	}
	return close_from_to(from, UINT_MAX);
}

struct spawn_child {
	const struct proc_spec *spec;
	int error_fd;
};

/* Two passes, so that no target number overwrites a source that is still needed. */
static int move_fds(struct spawn_child *c, int *ret_dirfd)
{
	int moved[SPAWN_FDS_MAX], top = 3, error_fd;

	if (c->spec->n_fds > ARRAY_SIZE(moved))
		return -EINVAL;
	for (unsigned i = 0; i < c->spec->n_fds; i++)
		if (c->spec->fds[i].to >= top)
			top = c->spec->fds[i].to + 1;
	for (unsigned i = 0; i < c->spec->n_fds; i++) {
		moved[i] = fcntl(c->spec->fds[i].from, F_DUPFD_CLOEXEC, top);
		if (moved[i] < 0)
			return -errno;
	}
	error_fd = fcntl(c->error_fd, F_DUPFD_CLOEXEC, top);
	if (error_fd < 0)
		return -errno;
	c->error_fd = error_fd;
	if (*ret_dirfd >= 0) {
		*ret_dirfd = fcntl(c->spec->dirfd, F_DUPFD_CLOEXEC, top);
		if (*ret_dirfd < 0)
			return -errno;
	}
	for (unsigned i = 0; i < c->spec->n_fds; i++)
		if (dup2(moved[i], c->spec->fds[i].to) < 0)
			return -errno;
	return 0;
}

/* getppid() tells nothing in a new pid namespace; only the parent still holds the pipe's other end.
 */
static bool parent_is_gone(int error_fd)
{
	struct pollfd p = { .fd = error_fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

static int spawn_exec(struct spawn_child *c)
{
	static char *const no_env[] = { NULL };
	const struct proc_spec *spec = c->spec;
	int keep[SPAWN_FDS_MAX + 2], r;
	int dirfd = path_is_absolute(spec->path) ? AT_FDCWD : spec->dirfd;
	char *const *envp = spec->envp;
	unsigned n = 0;

	if (!envp)
		envp = spec->flags & PROC_CLEAR_ENV ? no_env : environ;

	if (spec->flags & PROC_SETSID)
		(void)setsid();
	r = move_fds(c, &dirfd);
	if (r < 0)
		return r;
	keep[n++] = c->error_fd;
	if (dirfd >= 0)
		keep[n++] = dirfd;
	for (unsigned i = 0; i < spec->n_fds; i++)
		keep[n++] = spec->fds[i].to;
	r = proc_close_fds(keep, n);
	if (r < 0)
		return r;
	if (spec->flags & PROC_PDEATHSIG) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			return -errno;
		if (parent_is_gone(c->error_fd))
			return -ESRCH; /* it ended before the line above */
	}
	return sys_execveat(dirfd, spec->path, spec->argv, envp, 0);
}

static int spawn_child(void *arg)
{
	struct spawn_child *c = arg;
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	r = spawn_exec(c);
	ignore_result(write(c->error_fd, &r, sizeof(r))); /* nobody else to tell */
	return 127;
}

int proc_spawn(const struct proc_spec *spec, struct proc *ret, struct error *err)
{
	int fds[2], r, child_error;
	struct proc_stack stack;
	struct spawn_child c;
	struct proc p;

	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	c = (struct spawn_child){ .spec = spec, .error_fd = fds[1] };
	r = proc_clone_vm(CLONE_VFORK, &stack, spawn_child, &c, &p);
	fd_close(fds[1]);
	if (r < 0) {
		fd_close(fds[0]);
		return proc_clone_error(err, r, spec->path);
	}
	r = -ENODATA;
	if (!(spec->flags & PROC_NO_WAIT))
		r = fd_read_full(fds[0], &child_error, sizeof(child_error));
	fd_close(fds[0]);
	if (r == -ENODATA) {
		*ret = p;
		return 0;
	}
	proc_kill(&p);
	return error_code(err, r < 0 ? r : child_error, "execute %s", spec->path);
}

int proc_exec_error(struct error *err, int r, const char *argv0)
{
	error_code(err, r, "exec: \"%s\"", argv0);
	if (r == -ENOENT)
		error_hint(err, "the file is there, its interpreter or loader is not");
	if (r == -ENOEXEC)
		error_hint(err, "it is made for another architecture, or no program at all");
	if (r == -E2BIG)
		error_hint(err, "the kernel takes at most 128 KiB in one argument or variable, and "
				"together a quarter of the stack's limit (ulimit -s)");
	error_exit(err, r == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC);
	return r;
}

int proc_wait(struct proc *p, int *ret_status)
{
	siginfo_t si = { 0 };

	while (waitid(P_PIDFD, (id_t)p->pidfd, &si, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_status = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
	return 0;
}

void proc_done(struct proc *p)
{
	fd_close(p->pidfd);
	*p = (struct proc){ .pidfd = -1 };
}

int proc_wait_pidfd(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, ms);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

void proc_kill(struct proc *p)
{
	int status;

	if (p->pidfd < 0)
		return;
	ignore_result(proc_signal(p, SIGKILL)); /* ESRCH: it has ended already */
	ignore_result(proc_wait(p, &status));
	proc_done(p);
}

void proc_end(struct proc *p, int ms)
{
	struct pollfd pfd = { .fd = p->pidfd, .events = POLLIN };

	if (p->pidfd < 0)
		return;
	while (poll(&pfd, 1, ms) < 0 && errno == EINTR)
		;
	proc_kill(p);
}

int proc_signal(const struct proc *p, int sig)
{
	return syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

static int read_stat(pid_t pid, struct procstat *ret)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return procstat_read(fd, ret);
}

int proc_open_file(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int proc_start_time(pid_t pid, uint64_t *ret)
{
	struct procstat st;
	int r = read_stat(pid, &st);

	if (r < 0)
		return r;
	*ret = st.start_time;
	return 0;
}

bool proc_is_ending(pid_t pid)
{
	struct procstat st;
	int r = read_stat(pid, &st);

	return r == -ESRCH || (r == 0 && (st.flags & PROC_FLAG_EXITING));
}

int proc_open_recorded(pid_t pid, uint64_t start_time)
{
	_cleanup_(fd_closep) int fd = -1;
	uint64_t now;
	int r;

	if (pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) /* not ESRCH: a thread of somebody's has the number by now */
		return errno == ENOENT || errno == EINVAL ? -ESRCH : -errno;
	/* Asked after the open: the pidfd pins the process whose time this is. */
	r = proc_start_time(pid, &now);
	if (r < 0)
		return r;
	/* A zombie that nobody reaps (below a pid 1 that is no init) has ended all the same. */
	if (now != start_time || poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1)
		return -ESRCH;
	return TAKE_FD(fd);
}

bool proc_recorded_lives(pid_t pid, uint64_t start_time)
{
	_cleanup_(fd_closep) int fd = proc_open_recorded(pid, start_time);

	return fd != -ESRCH;
}

bool proc_recorded_listens(int sock, pid_t pid, uint64_t start_time)
{
	_cleanup_(fd_closep) int recorded = proc_open_recorded(pid, start_time), peer = -1;
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (recorded == -ESRCH || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0 ||
	    cred.pid != pid)
		return false;
	/* A socket keeps the number of a process that has ended, and the number may have been given
	 * to the recorded one since. Kernels before 6.5 cannot tell. */
	peer = sys_peer_pidfd(sock);
	if (peer < 0)
		return peer == -ENOPROTOOPT;
	return syscall(SYS_pidfd_send_signal, peer, 0, NULL, 0) == 0 || errno != ESRCH;
}

int proc_own_dir(char ret[PATH_MAX])
{
	char exe[PATH_MAX], *slash;
	int r = path_read_link(AT_FDCWD, "/proc/self/exe", exe, sizeof(exe));

	if (r < 0)
		return r;
	slash = strrchr(exe, '/');
	if (!slash)
		return -ENOENT;
	/* Of a program in the root: "/". */
	slash[slash == exe] = '\0';
	return str_copy(ret, PATH_MAX, exe);
}

int proc_open_libexec(struct error *err)
{
	static const char *const beside[] = { "libexec/carrel", "../libexec/carrel", "." };
	char own[PATH_MAX];
	_cleanup_(fd_closep) int dir = -1;
	int r = proc_own_dir(own);

	if (r < 0)
		return error_code(err, r, "read /proc/self/exe");
	dir = open(own, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_sys(err, "open %s", own);
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		_cleanup_(fd_closep) int fd =
			openat(dir, beside[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
			return error_sys(err, "open %s beside %s", beside[i], own);
		/* "." is for the helpers themselves: they all lie side by side. */
		if (fd >= 0 && faccessat(fd, "transfer", X_OK, 0) == 0)
			return TAKE_FD(fd);
	}
	error_set(err, -ENOENT, "no helper programs beside %s", own);
	error_hint(err, "they belong in PREFIX/libexec/carrel: run `make install` again");
	return -ENOENT;
}
