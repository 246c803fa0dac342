/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/relay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"

ssize_t relay_write(int fd, enum stdfd_wait wait, const char *p, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	ssize_t w;

	if (wait == STDFD_SMALL) {
		if (poll(&pfd, 1, 0) == 0)
			return -EAGAIN;
		n = n < PIPE_BUF ? n : PIPE_BUF;
	}
	do
		w = write(fd, p, n);
	while (w < 0 && errno == EINTR);
	return w < 0 ? -errno : w;
}

static void close_in(struct loop *loop, struct relay *r)
{
	loop_remove(loop, &r->in);
	fd_close(r->in.fd);
	r->in.fd = -1;
	r->end = true;
}

static void close_out(struct loop *loop, struct relay *r)
{
	loop_remove(loop, &r->out);
	fd_close(r->out.fd);
	r->out.fd = -1;
}

/* Write what there is. 0: all; -EAGAIN; else the reader is gone and everything is closed. */
static int flush(struct loop *loop, struct relay *r)
{
	while (r->len) {
		ssize_t n = relay_write(r->out.fd, r->out_wait, r->buf + r->off, r->len);

		if (n == -EAGAIN)
			return -EAGAIN;
		if (n < 0) {
			if (n != -EPIPE && !r->error)
				r->error = (int)n;
			r->len = 0;
			close_in(loop, r);
			close_out(loop, r);
			return (int)n;
		}
		r->off += (size_t)n;
		r->len -= (size_t)n;
	}
	return 0;
}

/* 1: something was read; 0: the end; -EAGAIN. */
static int fill(struct loop *loop, struct relay *r)
{
	ssize_t n;

	do
		n = read(r->in.fd, r->buf, RELAY_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n <= 0) { /* EIO of a terminal is its end, too */
		close_in(loop, r);
		return 0;
	}
	r->off = 0;
	r->len = (size_t)n;
	return 1;
}

/* Wait for what is needed next: room while there is something to write, else something to read. */
static int arm(struct loop *loop, struct relay *r)
{
	int x = 0;

	if (r->len) {
		if (r->in.fd >= 0)
			loop_remove(loop, &r->in);
		return loop_set(loop, &r->out, EPOLLOUT);
	}
	if (r->end) {
		if (r->out.fd >= 0)
			close_out(loop, r);
		return 0;
	}
	/* A source that is always ready is read whenever the other end has room. */
	if (r->in_wait == STDFD_ALWAYS)
		return loop_set(loop, &r->out, EPOLLOUT);
	if (r->out_wait != STDFD_ALWAYS)
		loop_remove(loop, &r->out);
	x = loop_set(loop, &r->in, EPOLLIN);
	return x;
}

/* A bounded number of rounds, so that one busy stream does not starve signals and the others. */
static int pump(struct loop *loop, struct relay *r)
{
	for (int i = 0; i < 8; i++) {
		int x = flush(loop, r);

		if (x == -EAGAIN || r->end || r->out.fd < 0)
			break;
		x = fill(loop, r);
		if (x <= 0 || r->in_wait == STDFD_SMALL)
			break; /* the caller's own pipe may block at the next read */
	}
	if (r->len && r->out.fd >= 0)
		ignore_result(flush(loop, r)); /* EAGAIN: armed below */
	return r->out.fd < 0 ? 0 : arm(loop, r);
}

static int on_event(struct loop *loop, struct loop_source *source, uint32_t events)
{
	(void)events;
	return pump(loop, source->data);
}

int relay_start(struct loop *loop, struct relay *r, int in, enum stdfd_wait in_wait, int out,
		enum stdfd_wait out_wait)
{
	*r = (struct relay){
		.in = { .fd = in, .handler = on_event, .data = r },
		.out = { .fd = out, .handler = on_event, .data = r },
		.in_wait = in_wait,
		.out_wait = out_wait,
		.buf = xmalloc(RELAY_SIZE),
	};
	return arm(loop, r);
}

void relay_drain(struct loop *loop, struct relay *r)
{
	/* Others may have got its end, and write on for ever. */
	size_t left = r->in.fd >= 0 ? fd_capacity(r->in.fd) : 0;

	while (r->in.fd >= 0 || r->len) {
		struct pollfd pfd = { .fd = r->out.fd, .events = POLLOUT };
		int x;

		if (r->out.fd < 0)
			break;
		x = flush(loop, r);
		if (x == -EAGAIN) {
			(void)poll(&pfd, 1, -1);
			continue;
		}
		if (x < 0 || r->in.fd < 0)
			break;
		if (!left || fill(loop, r) < 0)
			break; /* EAGAIN: every writer is dead, this was all */
		left = r->len < left ? left - r->len : 0;
	}
	relay_done(loop, r);
}

void relay_done(struct loop *loop, struct relay *r)
{
	if (!r->buf)
		return;
	close_in(loop, r);
	close_out(loop, r);
	free(TAKE_PTR(r->buf));
}
