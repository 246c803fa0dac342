/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/session.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/signals.h"
#include "runtime/rootfs.h"

static int open_caller(struct session *s, int i, struct error *err)
{
	s->caller_fds[i] = stdfd_open(i, i > 0, &s->waits[i], err);
	return s->caller_fds[i] < 0 ? s->caller_fds[i] : 0;
}

static int open_stream(struct session *s, int i, struct error *err)
{
	enum stdfd_kind kind;
	int fds[2], r;

	if (s->flags & SESSION_PASS) {
		s->child_fds[i] = fd_dup(i);
		return s->child_fds[i] < 0 ? error_code(err, s->child_fds[i], "duplicate") : 0;
	}
	if (i == 0 && !(s->flags & SESSION_STDIN)) {
		s->child_fds[0] = stdfd_null(err);
		return s->child_fds[0] < 0 ? s->child_fds[0] : 0;
	}
	r = stdfd_kind(i, &kind, err);
	if (r < 0)
		return r;
	if (kind == STDFD_PASS) {
		s->child_fds[i] = fd_dup(i);
		return s->child_fds[i] < 0 ? error_code(err, s->child_fds[i], "duplicate") : 0;
	}
	if (i == 2 && s->caller_fds[1] >= 0 && stdfd_is_same(1, 2)) {
		s->child_fds[2] = fd_dup(s->child_fds[1]);
		return s->child_fds[2] < 0 ? error_code(err, s->child_fds[2], "duplicate") : 0;
	}
	r = open_caller(s, i, err);
	if (r < 0)
		return r;
	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	s->child_fds[i] = fds[i > 0];
	s->own_fds[i] = fds[i == 0];
	r = fd_set_nonblock(s->own_fds[i], true);
	return r < 0 ? error_code(err, r, "set up a pipe") : 0;
}

/* With a terminal there are two streams, and both end in its master. */
static int open_tty(struct session *s, struct error *err)
{
	int r = 0;

	if (s->flags & SESSION_STDIN)
		r = open_caller(s, 0, err);
	return r < 0 ? r : open_caller(s, 1, err);
}

int session_open(struct session *s, enum session_flags flags, struct error *err)
{
	int r;

	*s = (struct session){
		.loop.epoll_fd = -1,
		.flags = flags,
		.signals.fd = -1,
		.tty.fd = -1,
		.pty_master = -1,
		.child_fds = { -1, -1, -1 },
		.own_fds = { -1, -1, -1 },
		.caller_fds = { -1, -1, -1 },
	};
	r = loop_init(&s->loop);
	if (r < 0)
		return error_code(err, r, "make an event loop");
	if (flags & SESSION_TTY)
		r = open_tty(s, err);
	for (int i = 0; !(flags & SESSION_TTY) && r == 0 && i < 3; i++)
		r = open_stream(s, i, err);
	if (r < 0)
		return r;
	s->signals.fd = signals_open(flags & SESSION_TTY);
	return s->signals.fd < 0 ? error_code(err, s->signals.fd, "make a signalfd") : 0;
}

static void set_size(struct session *s)
{
	struct winsize w = { 0 };

	tty_size(&w.ws_row, &w.ws_col);
	if (w.ws_row && w.ws_col)
		(void)ioctl(s->pty_master, TIOCSWINSZ, &w); /* EIO: hung up, the end is near */
}

/* With the last master the container's terminal is hung up as ours was. */
static void hang_up(struct session *s)
{
	for (int i = 0; i < 3; i++)
		relay_done(&s->loop, &s->relays[i]);
	fd_close(TAKE_FD(s->pty_master));
}

static int on_signal(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct session *s = source->data;
	int sig;

	(void)loop;
	(void)events;
	while ((sig = signals_read(source->fd)) > 0) {
		if (sig == SIGWINCH)
			set_size(s);
		else
			ignore_result(proc_signal(s->proc, sig)); /* ESRCH: just ended */
		if (sig == SIGHUP && (s->flags & SESSION_TTY) && tty_is_gone())
			hang_up(s);
	}
	return 0;
}

static int on_init(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct session *s = source->data;
	int r;

	(void)events;
	r = proc_wait(s->proc, &s->status);
	loop_quit(loop, r);
	return r;
}

/* As the supervisor does it: it cannot go on without, or it is ending anyway (status 0). */
static int on_helper(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct session *s = source->data;
	bool is_server = source == &s->server;
	struct proc *helper = is_server ? s->root : s->watchdog;
	int status;

	(void)events;
	loop_remove(loop, source);
	if (proc_wait(helper, &status) < 0)
		status = EXIT_OURS;
	if (status != 0 && !(is_server && rootfs_server_is_done(status, s->proc)))
		log_warn(DCODE_NONE, "%s was killed or failed: the container is ended",
			 is_server ? "fuse-overlayfs, which served the container's files,"
				   : "the watchdog of the container's memory limit");
	proc_done(helper);
	ignore_result(proc_signal(s->proc, SIGKILL)); /* ESRCH: it has ended */
	return 0;
}

static int on_net(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct session *s = source->data;
	int status;

	(void)events;
	loop_remove(loop, source);
	if (proc_wait(s->net, &status) < 0 || status != 0)
		log_warn(DCODE_NONE,
			 "netstack, which carried the container's network, was killed or "
			 "failed: the container goes on without one");
	proc_done(s->net);
	return 0;
}

static int start_relay(struct session *s, int i, int own)
{
	int caller = TAKE_FD(s->caller_fds[i]);

	if (i > 0)
		return relay_start(&s->loop, &s->relays[i], own, STDFD_POLL, caller, s->waits[i]);
	return relay_start(&s->loop, &s->relays[0], caller, s->waits[0], own, STDFD_POLL);
}

static int start_relays(struct session *s)
{
	int r = 0;

	for (int i = 0; i < 3 && r == 0; i++) {
		int own = TAKE_FD(s->own_fds[i]);

		fd_close(TAKE_FD(s->child_fds[i]));
		if (s->caller_fds[i] < 0)
			continue;
		if (s->flags & SESSION_TTY) /* one descriptor per relay: each closes its own */
			own = fd_dup(s->pty_master);
		r = own < 0 ? own : start_relay(s, i, own);
	}
	return r;
}

static int add_helper(struct session *s, struct loop_source *source, const struct proc *helper,
		      loop_handler handler)
{
	if (!helper || helper->pidfd < 0)
		return 0;
	*source = (struct loop_source){ .fd = helper->pidfd, .handler = handler, .data = s };
	return loop_set(&s->loop, source, EPOLLIN);
}

static int start(struct session *s)
{
	int r = 0;

	if (s->flags & SESSION_TTY) {
		r = fd_set_nonblock(s->pty_master, true);
		if (r == 0 && (s->flags & SESSION_STDIN))
			r = tty_raw(&s->tty, STDIN_FILENO);
		set_size(s);
	}
	if (r == 0)
		r = start_relays(s);
	s->signals.handler = on_signal;
	s->signals.data = s;
	s->init = (struct loop_source){ .fd = s->proc->pidfd, .handler = on_init, .data = s };
	if (r == 0)
		r = loop_set(&s->loop, &s->signals, EPOLLIN);
	if (r == 0)
		r = loop_set(&s->loop, &s->init, EPOLLIN);
	if (r == 0)
		r = add_helper(s, &s->server, s->root, on_helper);
	if (r == 0)
		r = add_helper(s, &s->dog, s->watchdog, on_helper);
	return r < 0 ? r : add_helper(s, &s->netstack, s->net, on_net);
}

int session_run(struct session *s, struct proc *proc, int pty_master, struct error *err)
{
	int r;

	s->proc = proc;
	s->pty_master = pty_master;
	r = start(s);
	if (r == 0)
		r = loop_run(&s->loop);
	if (r < 0)
		return error_code(err, r, "serve the command");
	for (int i = 1; i < 3; i++) {
		if (s->relays[i].buf)
			relay_drain(&s->loop, &s->relays[i]);
		if (s->relays[i].error)
			r = error_code(err, s->relays[i].error, "write to standard %s",
				       i == 1 ? "output" : "error");
	}
	return r < 0 ? r : s->status;
}

void session_close(struct session *s)
{
	tty_restore(&s->tty);
	for (int i = 0; i < 3; i++) {
		relay_done(&s->loop, &s->relays[i]);
		fd_close(TAKE_FD(s->child_fds[i]));
		fd_close(TAKE_FD(s->own_fds[i]));
		fd_close(TAKE_FD(s->caller_fds[i]));
	}
	fd_close(TAKE_FD(s->pty_master));
	fd_close(TAKE_FD(s->signals.fd));
	loop_done(&s->loop);
}
