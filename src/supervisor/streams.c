/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "supervisor/supervisor.h"

/* #syscalls: read write close epoll_ctl fcntl */

static void output_end(struct super *s, struct output *o)
{
	logfile_flush(&s->log, &o->line);
	loop_remove(&s->loop, &o->source);
	fd_close(o->source.fd);
	o->source.fd = -1;
}

/* One piece: into the log, then to the clients. False when nothing came. */
static bool output_read(struct super *s, struct output *o)
{
	ssize_t n = read(o->source.fd, o->chunk.data, sizeof(o->chunk.data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* EIO: the last slave of a pty is closed */
		output_end(s, o);
		return false;
	}
	logfile_add(&s->log, &o->line, o->chunk.data, (size_t)n);
	o->len = (size_t)n;
	clients_send_output(s, o);
	/* Errors of epoll_ctl mean a bug or no memory: without the source nothing is lost, only
	 * the container waits. */
	if (o->waiting)
		ignore_result(loop_set(&s->loop, &o->source, 0));
	if (!s->exited)
		return true;
	o->left = (size_t)n < o->left ? o->left - (size_t)n : 0;
	if (!o->left)
		output_end(s, o);
	return o->left > 0;
}

static int on_output(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct output *o = source->data;

	(void)loop;
	(void)events;
	output_read(o->super, o);
	return 0;
}

void output_resume(struct super *s, struct output *o)
{
	if (o->source.fd >= 0 && !o->waiting)
		ignore_result(loop_set(&s->loop, &o->source, EPOLLIN)); /* as above */
}

void outputs_begin_end(struct super *s)
{
	for (unsigned i = 0; i < SUPER_OUTPUTS; i++)
		if (s->outputs[i].source.fd >= 0)
			s->outputs[i].left = fd_capacity(s->outputs[i].source.fd);
}

bool outputs_drained(struct super *s)
{
	bool done = true;

	for (unsigned i = 0; i < SUPER_OUTPUTS; i++) {
		struct output *o = &s->outputs[i];

		/* With pid 1 its whole pid namespace is gone: what the pipe held then is all. It
		 * may have handed its end to others (a socket in a volume): those write in vain. */
		while (o->source.fd >= 0 && !o->waiting)
			if (!output_read(s, o) && o->source.fd >= 0)
				output_end(s, o);
		done = done && o->source.fd < 0 && !o->waiting;
	}
	return done;
}

static void input_close(struct super *s)
{
	loop_remove(&s->loop, &s->input.source);
	fd_close(s->input.source.fd);
	s->input.source.fd = -1;
	s->input.len = 0;
}

static void input_write(struct super *s)
{
	struct input *in = &s->input;

	while (in->len) {
		ssize_t n = write(in->source.fd, in->data + in->off, in->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) { /* EPIPE: nobody reads it any more */
			input_close(s);
			return;
		}
		in->off += (size_t)n;
		in->len -= (size_t)n;
	}
	if (!in->len && in->end)
		input_close(s);
	else
		ignore_result(loop_set(&s->loop, &in->source, in->len ? EPOLLOUT : 0));
}

static int on_input(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct super *s = source->data;

	(void)loop;
	(void)events;
	input_write(s);
	clients_update(s);
	return 0;
}

void input_add(struct super *s, const char *p, size_t n)
{
	if (s->input.source.fd < 0 || s->input.end)
		return;
	memcpy(s->input.data, p, n);
	s->input.off = 0;
	s->input.len = n;
	input_write(s);
	clients_update(s);
}

void input_end(struct super *s)
{
	/* The master of a pty is not closed: that would hang up the terminal. */
	if (s->input.source.fd < 0 || (s->start.flags & SUPER_TTY))
		return;
	s->input.end = true;
	if (!s->input.len)
		input_close(s);
}

static bool has_fd(const struct super *s, enum super_fd fd)
{
	return s->start.fds & 1u << fd;
}

static int output_init(struct super *s, unsigned i, enum super_fd fd, const char *name)
{
	struct output *o = &s->outputs[i];
	int r;

	*o = (struct output){ .super = s, .source = { .fd = -1 }, .line.stream = name };
	o->chunk.head = (struct superctl_head){ .type = SUPERCTL_OUTPUT, .value = i + 1 };
	if (!has_fd(s, fd))
		return 0;
	o->source = (struct loop_source){ .fd = fd, .handler = on_output, .data = o };
	r = fd_set_nonblock(fd, true);
	return r < 0 ? r : loop_set(&s->loop, &o->source, EPOLLIN);
}

int streams_init(struct super *s)
{
	int r;

	r = output_init(s, 0, SUPER_OUT_FD, "stdout");
	if (r == 0)
		r = output_init(s, 1, SUPER_ERR_FD, "stderr");
	if (r < 0)
		return r;
	s->input.source = (struct loop_source){
		.fd = has_fd(s, SUPER_IN_FD) ? SUPER_IN_FD : -1,
		.handler = on_input,
		.data = s,
	};
	return s->input.source.fd < 0 ? 0 : fd_set_nonblock(SUPER_IN_FD, true);
}
