/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Theory of operation. One process per container that is not supervised by its own `run`: keeps
 * pid 1's parent alive, writes the log, relays the terminal or the pipes to attach clients, and
 * records the exit status. It is executed by the process that cloned pid 1, inside the outer user
 * namespace, with its descriptors in place (start.h).
 *
 * Everything is allocated before the loop (static storage). It opens nothing: the new `state` is
 * written into a descriptor that was opened by the CLI, and renamed. What it reads is hostile: the
 * container's output, and requests on the socket until HELLO has proved where they come from. The
 * socket listens already: this process has called listen(2) before its exec, in
 * src/cli/supervised.c, so that clients see us behind it (superctl.h), and the filter refuses the
 * call like any other.
 *
 * SIGTERM is the host's wish that all of the user's processes end, at shutdown or with the cgroup
 * at a logout. Pid 1 gets the stop signal, beside that of the host, and as long as `stop` gives it;
 * where it does not catch the signal, as most that run a single program, and has no children to
 * whom the host's signal may mean something, it is killed at once. Without us the host would wait
 * for it for minutes. A container that is paused is not continued: that is beyond us.
 *
 * The end: pid 1 is reaped, what its pipes still hold is logged and delivered, the state is
 * published, clients get the exit status, the socket's name is removed, and the end of the process
 * frees the lock and tells janitor and waiting `run`, in this order of descriptor numbers.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "base/str.h"
#include "base/timefmt.h"
#include "runtime/ctr.h"
#include "runtime/oom.h"
#include "runtime/rootfs.h"
#include "supervisor/supervisor.h"
#include "supervisor_filter.h"

/* #syscalls: epoll_wait epoll_pwait waitid pread64 pwrite64 fsync ftruncate renameat renameat2 */
/* #syscalls: unlinkat exit_group rt_sigreturn close restart_syscall poll ppoll */
/* #syscalls: pidfd_send_signal timerfd_settime */

enum {
	CGROUP_END_MS = 2000,
	STOP_MS = 10000, /* as `stop` waits */
};

/*
 * With pid 1 its pid namespace has ended; a process that was just joining may be a moment late.
 * What cannot be removed stays in the record, for the next command.
 */
static void remove_cgroup(struct super *s)
{
	if (!(s->start.fds & 1u << SUPER_CGROUP_FD))
		return;
	ignore_result(
		cgroupfs_wait(SUPER_CGEVENTS_FD, "populated", 0, CGROUP_END_MS)); /* rmdir tells */
	if (unlinkat(SUPER_CGROUP_FD, s->start.cgroup_name, AT_REMOVEDIR) == 0 &&
	    !(s->start.flags & SUPER_IN_LEAF))
		s->start.state.cgroup[0] = '\0';
}

/* Behind what ended it, if something did. */
static void record_lost(struct container_state *st, uint64_t lost)
{
	size_t used = strlen(st->error);

	if (lost == 0)
		return;
	st->log_lost += lost;
	ignore_result(str_print(st->error + used, sizeof(st->error) - used,
				"%s%" PRIu64 " records of its output are not in its log: the disk "
				"was full, or failed",
				used ? "; " : "", lost)); /* it fits behind those of ours */
}

static void publish_state(struct super *s)
{
	struct container_state *st = &s->start.state;
	char text[CONTAINER_STATE_MAX];
	size_t n;

	st->status = CONTAINER_EXITED;
	st->exit_code = s->status;
	if (s->start.fds & 1u << SUPER_OOM_FD)
		st->oom_killed = oom_happened(SUPER_OOM_FD);
	record_lost(st, s->log.lost);
	remove_cgroup(s);
	(void)timefmt_now(st->finished);
	n = container_format_state(st, text);
	/* Where no space could be set aside for it, a full disk leaves the old state: a free lock
	 * with "running" reads as 137. */
	if (pwrite(SUPER_STATE_FD, text, n, 0) == (ssize_t)n)
		(void)renameat(SUPER_DIR_FD, "state.next", SUPER_DIR_FD, "state");
}

/* Its last writes come before the state that says "exited". */
static void end_server(struct super *s)
{
	struct proc p = { .pidfd = s->server.fd };

	if (s->server.fd < 0)
		return;
	loop_remove(&s->loop, &s->server);
	proc_end(&p, ROOTFS_END_MS);
}

static void finish(struct super *s)
{
	end_server(s);
	publish_state(s);
	(void)unlinkat(SUPER_RUNTIME_FD, s->start.socket_name, 0);
	clients_send_exit(s);
	loop_quit(&s->loop, 0);
}

static int on_init(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct super *s = source->data;
	siginfo_t si = { 0 };

	(void)events;
	if (waitid(P_PIDFD, SUPER_PIDFD, &si, WEXITED | WNOHANG) < 0 && errno != ECHILD)
		return 0;
	s->status = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
	s->exited = true;
	outputs_begin_end(s);
	loop_remove(loop, source);
	return 0;
}

/*
 * A process without which the container is not what was asked for: its files are gone and each call
 * on them fails, or nobody holds it to its memory limit. It is ended. Status 0 is the usual end, of
 * a mount that went with pid 1, or of a watchdog that saw pid 1 end or has just killed it.
 */
static int on_helper(struct loop *loop, struct loop_source *source, uint32_t events)
{
	static const char no_files[] =
		"fuse-overlayfs, which served its files, was killed or failed";
	static const char no_limit[] = "the watchdog of its memory limit was killed or failed";
	struct proc helper = { .pidfd = source->fd }, init = { .pidfd = SUPER_PIDFD };
	struct super *s = source->data;
	int status;

	(void)events;
	loop_remove(loop, source);
	source->fd = -1;
	if (proc_wait(&helper, &status) < 0)
		status = EXIT_OURS;
	if (status != 0 &&
	    !(helper.pidfd == SUPER_SERVER_FD && rootfs_server_is_done(status, &init)))
		ignore_result(
			str_copy(s->start.state.error, sizeof(s->start.state.error),
				 helper.pidfd == SUPER_SERVER_FD ? no_files : no_limit)); /* fits */
	ignore_result(proc_signal(&init, SIGKILL)); /* ESRCH: it has ended */
	return 0;
}

/* It goes on without one. Status 0: the interface is gone, with the container or by its own hand.
 */
static int on_net(struct loop *loop, struct loop_source *source, uint32_t events)
{
	static const char lost[] = "netstack, which carried its network, was killed or failed";
	struct super *s = source->data;
	struct proc net = { .pidfd = SUPER_NETPROC_FD };
	int status;

	(void)events;
	loop_remove(loop, source);
	if ((proc_wait(&net, &status) < 0 || status != 0) && !s->exited && !s->start.state.error[0])
		ignore_result(str_copy(s->start.state.error, sizeof(s->start.state.error),
				       lost)); /* it fits */
	return 0;
}

static int signal_init(int sig)
{
	struct proc init = { .pidfd = SUPER_PIDFD };

	return proc_signal(&init, sig);
}

static bool is_deaf_and_alone(const struct super *s, int sig)
{
	const unsigned need = 1u << SUPER_STATUS_FD | 1u << SUPER_SYSCALL_FD | 1u << SUPER_STAT_FD |
			      1u << SUPER_CHILDREN_FD;
	char c;

	return (s->start.fds & need) == need && pread(SUPER_CHILDREN_FD, &c, 1, 0) == 0 &&
	       signal_is_lost_by(SUPER_STATUS_FD, SUPER_SYSCALL_FD, SUPER_STAT_FD, sig);
}

static int on_term(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct super *s = source->data;
	int sig = (int)s->start.stop_signal;

	(void)events;
	loop_remove(loop, source); /* one is enough */
	if (is_deaf_and_alone(s, sig))
		sig = SIGKILL;
	ignore_result(signal_init(sig)); /* ESRCH: it has ended */
	return loop_timer_set(s->stop.fd, STOP_MS);
}

static int on_stop(struct loop *loop, struct loop_source *source, uint32_t events)
{
	(void)events;
	loop_remove(loop, source);
	ignore_result(signal_init(SIGKILL)); /* as above */
	return 0;
}

static int init_term(struct super *s)
{
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	s->term = (struct loop_source){ .fd = loop_signalfd(&set), .handler = on_term, .data = s };
	s->stop = (struct loop_source){ .fd = loop_timerfd(), .handler = on_stop, .data = s };
	if (s->term.fd < 0 || s->stop.fd < 0)
		return s->term.fd < 0 ? s->term.fd : s->stop.fd;
	r = loop_set(&s->loop, &s->term, EPOLLIN);
	return r < 0 ? r : loop_set(&s->loop, &s->stop, EPOLLIN);
}

static int run(struct super *s)
{
	int r;

	while (!s->loop.quit) {
		if (s->exited && outputs_drained(s)) {
			finish(s);
			break;
		}
		r = loop_once(&s->loop, -1);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * No capability, and only the calls tagged #syscalls beside the code: no open, no setns, no mount,
 * no ptrace, no exec. Dumpable 0, because a container's root has our kernel uid. Which system call
 * pid 1 is in (signal_is_lost_by()) the kernel tells the owner of N; where that is another id, one
 * capability is left for it, for a descriptor that is open already.
 */
static int confine(const struct super *s)
{
	char when[TIMEFMT_MAX];
	int r;

	(void)timefmt_now(when); /* libc opens its time zone once, at the first use */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	r = sandbox_caps_but(s->start.flags & SUPER_OWNED ? UINT64_C(1) << CAP_SYS_PTRACE : 0,
			     NULL);
	if (r < 0)
		return r;
	return sandbox_filter(supervisor_filter, ARRAY_SIZE(supervisor_filter), NULL);
}

static int add_helper(struct super *s, struct loop_source *source, enum super_fd fd,
		      loop_handler handler)
{
	bool there = s->start.fds & 1u << fd;

	*source = (struct loop_source){ .fd = there ? (int)fd : -1, .handler = handler, .data = s };
	return there ? loop_set(&s->loop, source, EPOLLIN) : 0;
}

static int setup(struct super *s)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int r;

	r = fd_read_full(SUPER_START_FD, &s->start, sizeof(s->start));
	if (r < 0)
		return r;
	if (s->start.version != SUPER_START_VERSION)
		return -EPROTO;
	/* None of them may lose an exit status. */
	proc_hear_write_errors();
	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGINT, &ignore, NULL);
	for (int fd = SUPER_START_FD; fd < SUPER_FD_END; fd++)
		if ((s->start.fds & 1u << fd) && fd_set_cloexec(fd, true) < 0)
			return -EBADF;
	s->log.fd = SUPER_LOG_FD;
	r = loop_init(&s->loop);
	if (r == 0)
		r = init_term(s);
	if (r == 0)
		r = streams_init(s);
	if (r == 0)
		r = clients_init(s);
	if (r < 0)
		return r;
	s->init = (struct loop_source){ .fd = SUPER_PIDFD, .handler = on_init, .data = s };
	r = loop_set(&s->loop, &s->init, EPOLLIN);
	if (r == 0)
		r = add_helper(s, &s->server, SUPER_SERVER_FD, on_helper);
	if (r == 0)
		r = add_helper(s, &s->watchdog, SUPER_WATCHDOG_FD, on_helper);
	return r < 0 ? r : add_helper(s, &s->net, SUPER_NETPROC_FD, on_net);
}

int main(void)
{
	static struct super s; /* too large for the stack, and nothing is allocated */
	int r;

	r = setup(&s);
	if (r == 0)
		r = confine(&s);
	if (r == 0)
		r = run(&s);
	return r < 0 ? 125 : 0;
}
