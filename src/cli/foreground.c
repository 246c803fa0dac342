/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/foreground.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cli/relay.h"
#include "cli/signals.h"
#include "cli/stdfd.h"

struct foreground {
	struct loop loop;
	struct launched d;
	struct loop_source signals, init;
	struct relay relays[3]; /* buf NULL: the descriptor went to the container as it is */
	int child_fds[3];	/* what the container gets */
	int own_fds[3];		/* our ends of the relays */
	enum stdfd_wait waits[3];
	int caller_fds[3];
	int status;
};

static int open_stream(struct foreground *f, int i, bool open_stdin, struct error *err)
{
	enum stdfd_kind kind;
	int fds[2], r;

	if (i == 0 && !open_stdin) {
		f->child_fds[0] = stdfd_null(err);
		return f->child_fds[0] < 0 ? f->child_fds[0] : 0;
	}
	r = stdfd_kind(i, &kind, err);
	if (r < 0)
		return r;
	if (kind == STDFD_PASS) {
		f->child_fds[i] = fd_dup(i);
		return f->child_fds[i] < 0 ? error_code(err, f->child_fds[i], "duplicate") : 0;
	}
	f->caller_fds[i] = stdfd_open(i, i > 0, &f->waits[i], err);
	if (f->caller_fds[i] < 0)
		return f->caller_fds[i];
	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	f->child_fds[i] = fds[i > 0];
	f->own_fds[i] = fds[i == 0];
	r = fd_set_nonblock(f->own_fds[i], true);
	return r < 0 ? error_code(err, r, "set up a pipe") : 0;
}

static int on_signal(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct foreground *f = source->data;
	int sig;

	(void)loop;
	(void)events;
	while ((sig = signals_read(source->fd)) > 0)
		ignore_result(proc_signal(&f->d.ctr.init, sig)); /* ESRCH: it has just ended */
	return 0;
}

static int on_init(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct foreground *f = source->data;
	int r;

	(void)events;
	r = proc_wait(&f->d.ctr.init, &f->status);
	loop_quit(loop, r);
	return r;
}

static int start_relays(struct foreground *f)
{
	for (int i = 0; i < 3; i++) {
		bool out = i > 0;
		int own = TAKE_FD(f->own_fds[i]), caller = TAKE_FD(f->caller_fds[i]), r;

		fd_close(TAKE_FD(f->child_fds[i]));
		if (own < 0)
			continue;
		r = relay_start(&f->loop, &f->relays[i], out ? own : caller,
				out ? STDFD_POLL : f->waits[i], out ? caller : own,
				out ? f->waits[i] : STDFD_POLL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int supervise(struct foreground *f, int signal_fd, struct error *err)
{
	int r;

	f->signals = (struct loop_source){ .fd = signal_fd, .handler = on_signal, .data = f };
	f->init = (struct loop_source){
		.fd = f->d.ctr.init.pidfd,
		.handler = on_init,
		.data = f,
	};
	r = start_relays(f);
	if (r == 0)
		r = loop_set(&f->loop, &f->signals, EPOLLIN);
	if (r == 0)
		r = loop_set(&f->loop, &f->init, EPOLLIN);
	if (r == 0)
		r = loop_run(&f->loop);
	if (r < 0)
		return error_code(err, r, "supervise the container");
	for (int i = 1; i < 3; i++) {
		if (f->relays[i].buf)
			relay_drain(&f->loop, &f->relays[i]);
		if (f->relays[i].error)
			r = error_code(err, f->relays[i].error, "write to standard %s",
				       i == 1 ? "output" : "error");
	}
	return r;
}

static void foreground_done(struct foreground *f)
{
	for (int i = 0; i < 3; i++) {
		relay_done(&f->loop, &f->relays[i]);
		fd_close(f->child_fds[i]);
		fd_close(f->own_fds[i]);
		fd_close(f->caller_fds[i]);
	}
	loop_done(&f->loop);
}

int foreground_run(struct launch *l, struct error *err)
{
	struct foreground f = {
		.loop.epoll_fd = -1,
		.child_fds = { -1, -1, -1 },
		.own_fds = { -1, -1, -1 },
		.caller_fds = { -1, -1, -1 },
	};
	_cleanup_(fd_closep) int signal_fd = -1;
	struct error second = { 0 };
	int r;

	r = loop_init(&f.loop);
	if (r < 0)
		error_code(err, r, "make an event loop");
	for (int i = 0; r == 0 && i < 3; i++)
		r = open_stream(&f, i, l->rec->open_stdin, err);
	if (r == 0) {
		/* From here on signals wait for the container. */
		signal_fd = signals_open(0);
		r = signal_fd < 0 ? error_code(err, signal_fd, "make a signalfd") : 0;
	}
	if (r == 0)
		r = launch_start(l, f.child_fds, 0, 0, &f.d, err);
	if (r == 0) {
		r = supervise(&f, signal_fd, err);
		launched_done(&f.d);
	}
	foreground_done(&f);
	if (launch_remove(l->store, l->ctr, &second) < 0)
		log_warn(second.dcode, "remove the container: %s", second.text);
	return r < 0 ? r : f.status;
}
