/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "supervisor/supervisor.h"

/* #syscalls: accept4 recvmsg sendmsg sendto close fstat newfstatat ioctl epoll_ctl */

static unsigned client_index(const struct client *c)
{
	return (unsigned)(c - c->super->clients);
}

static void client_update(struct client *c)
{
	bool hold = input_is_full(c->super) && c->state == CLIENT_TYPE;
	uint32_t events = (hold ? 0 : EPOLLIN) | (c->blocked ? EPOLLOUT : 0);

	/* No memory for epoll: the client hears nothing more, the container goes on. */
	ignore_result(loop_set(&c->super->loop, &c->source, events));
}

void clients_update(struct super *s)
{
	for (unsigned i = 0; i < SUPER_CLIENTS_MAX; i++)
		if (s->clients[i].state)
			client_update(&s->clients[i]);
}

static void client_drop(struct client *c)
{
	struct super *s = c->super;
	bool once = c->once;

	loop_remove(&s->loop, &c->source);
	fd_close(c->source.fd);
	c->state = CLIENT_FREE;
	for (unsigned i = 0; i < SUPER_OUTPUTS; i++) {
		s->outputs[i].waiting &= ~(1u << client_index(c));
		output_resume(s, &s->outputs[i]);
	}
	if (once)
		input_end(s);
}

/* 0, -EAGAIN, or another error after which the client is gone. */
static int client_send(struct client *c, const void *p, size_t n)
{
	return fd_send(c->source.fd, p, n, NULL, 0, MSG_DONTWAIT);
}

static void tell_lost(struct client *c)
{
	struct superctl_head head = { .type = SUPERCTL_LOST, .value = c->lost };

	if (c->lost && client_send(c, &head, sizeof(head)) == 0)
		c->lost = 0;
}

static void client_send_output(struct client *c, struct output *o)
{
	int r;

	tell_lost(c);
	r = client_send(c, &o->chunk, offsetof(__typeof__(o->chunk), data) + o->len);
	if (r == 0) {
		o->waiting &= ~(1u << client_index(c));
	} else if (r != -EAGAIN) {
		client_drop(c);
	} else if (c->lossless) {
		o->waiting |= 1u << client_index(c);
		c->blocked = true;
		client_update(c);
	} else {
		c->lost += (uint32_t)o->len;
	}
}

void clients_send_output(struct super *s, struct output *o)
{
	for (unsigned i = 0; i < SUPER_CLIENTS_MAX; i++)
		if (s->clients[i].state > CLIENT_NEW && s->clients[i].output)
			client_send_output(&s->clients[i], o);
}

static void client_unblock(struct client *c)
{
	struct super *s = c->super;
	uint32_t bit = 1u << client_index(c);

	c->blocked = false;
	for (unsigned i = 0; i < SUPER_OUTPUTS && c->state; i++) {
		struct output *o = &s->outputs[i];

		if (!(o->waiting & bit))
			continue;
		client_send_output(c, o);
		output_resume(s, o);
	}
	if (c->state)
		client_update(c);
}

void clients_send_exit(struct super *s)
{
	struct superctl_head head = { .type = SUPERCTL_EXIT, .value = (uint32_t)s->status };

	for (unsigned i = 0; i < SUPER_CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];

		if (c->state <= CLIENT_NEW)
			continue;
		tell_lost(c);
		/* The one that is waited for may take its time; it ends, or reads. */
		ignore_result(fd_send(c->source.fd, &head, sizeof(head), NULL, 0,
				      c->lossless ? 0 : MSG_DONTWAIT));
	}
}

/* Requests. Everything that is not in the table ends the connection. */

static int on_hello(struct client *c, uint32_t value, const char *data, size_t n, int fd)
{
	const struct super_start *start = &c->super->start;
	struct stat st;

	(void)data;
	(void)n;
	if (value >> 16 != SUPERCTL_VERSION)
		return -EPROTO;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != start->userns_dev ||
	    st.st_ino != start->userns_ino)
		return -EPERM;
	c->output = value & SUPERCTL_WANT_OUTPUT;
	c->state = value & SUPERCTL_WANT_STDIN ? CLIENT_TYPE : CLIENT_WATCH;
	return 0;
}

static int on_stdin(struct client *c, uint32_t value, const char *data, size_t n, int fd)
{
	(void)value;
	(void)fd;
	input_add(c->super, data, n);
	return 0;
}

static int on_stdin_eof(struct client *c, uint32_t value, const char *data, size_t n, int fd)
{
	(void)value;
	(void)data;
	(void)n;
	(void)fd;
	input_end(c->super);
	return 0;
}

static int on_resize(struct client *c, uint32_t value, const char *data, size_t n, int fd)
{
	struct winsize w = {
		.ws_row = (unsigned short)(value >> 16),
		.ws_col = (unsigned short)(value & 0xffff),
	};

	(void)data;
	(void)n;
	(void)fd;
	if (c->super->start.flags & SUPER_TTY)
		(void)ioctl(SUPER_OUT_FD, TIOCSWINSZ, &w); /* EIO: it is hung up already */
	return 0;
}

struct request {
	uint32_t type;
	size_t min, max; /* data */
	unsigned states; /* enum client_state */
	int (*handler)(struct client *c, uint32_t value, const char *data, size_t n, int fd);
};

static const struct request requests[] = {
	{ SUPERCTL_HELLO, 0, 0, CLIENT_NEW, on_hello },
	{ SUPERCTL_STDIN, 1, SUPERCTL_DATA_MAX, CLIENT_TYPE, on_stdin },
	{ SUPERCTL_STDIN_EOF, 0, 0, CLIENT_TYPE, on_stdin_eof },
	{ SUPERCTL_RESIZE, 0, 0, CLIENT_WATCH | CLIENT_TYPE, on_resize },
};

static int client_request(struct client *c, size_t len, int fd)
{
	const struct superctl_head *head = &c->super->request.head;
	size_t n;

	if (len < sizeof(*head))
		return -EPROTO;
	n = len - sizeof(*head);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const struct request *q = &requests[i];

		if (q->type != head->type)
			continue;
		if (!(q->states & c->state) || n < q->min || n > q->max)
			return -EPROTO;
		return q->handler(c, head->value, c->super->request.data, n, fd);
	}
	return -EPROTO;
}

static int on_client(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct client *c = source->data;
	_cleanup_(fd_closep) int fd = -1;
	size_t n_fds = 1;
	ssize_t n;

	(void)loop;
	if (events & EPOLLOUT)
		client_unblock(c);
	if (!c->state || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	n = fd_recv(c->source.fd, &c->super->request, sizeof(c->super->request), &fd, &n_fds,
		    MSG_DONTWAIT);
	if (n == -EAGAIN)
		return 0;
	if (n <= 0 || client_request(c, (size_t)n, fd) < 0)
		client_drop(c);
	return 0;
}

static struct client *client_add(struct super *s, int fd)
{
	for (unsigned i = 0; i < SUPER_CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];

		if (c->state)
			continue;
		*c = (struct client){
			.source = { .fd = fd, .handler = on_client, .data = c },
			.super = s,
			.state = CLIENT_NEW,
		};
		if (loop_set(&s->loop, &c->source, EPOLLIN) == 0)
			return c;
		c->state = CLIENT_FREE;
		return NULL;
	}
	return NULL;
}

static int on_listen(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct super *s = source->data;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)loop;
	(void)events;
	if (fd >= 0 && !client_add(s, fd))
		fd_close(fd);
	return 0;
}

int clients_init(struct super *s)
{
	s->listen = (struct loop_source){ .fd = SUPER_LISTEN_FD, .handler = on_listen, .data = s };
	if (s->start.fds & 1u << SUPER_CLIENT_FD) {
		struct client *c = client_add(s, SUPER_CLIENT_FD);

		if (!c)
			return -ENOMEM;
		c->state = s->input.source.fd >= 0 ? CLIENT_TYPE : CLIENT_WATCH;
		c->output = true;
		c->lossless = true;
		c->once = s->start.flags & SUPER_STDIN_ONCE;
	}
	return loop_set(&s->loop, &s->listen, EPOLLIN);
}
