/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/loop.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/fd.h"

int loop_init(struct loop *loop)
{
	*loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_done(struct loop *loop)
{
	fd_close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int loop_set(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = source };
	int op = source->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (events == source->events)
		return 0;
	if (!events) {
		loop_remove(loop, source);
		return 0;
	}
	if (epoll_ctl(loop->epoll_fd, op, source->fd, &ev) < 0)
		return -errno;
	source->events = events;
	return 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (!source->events)
		return;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->events = 0;
	for (int i = 0; i < loop->n_batch; i++)
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
}

static int dispatch(struct loop *loop)
{
	for (int i = 0; i < loop->n_batch && !loop->quit; i++) {
		struct loop_source *s = loop->batch[i].data.ptr;
		uint32_t events = loop->batch[i].events;
		int r;

		/* An earlier handler of this round may have narrowed what this one waits for. */
		if (s)
			events &= s->events | EPOLLERR | EPOLLHUP;
		if (!s || !events)
			continue;
		r = s->handler(loop, s, events);
		if (r < 0)
			return r;
	}
	return 0;
}

int loop_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event ev[LOOP_BATCH];
	int n = epoll_wait(loop->epoll_fd, ev, LOOP_BATCH, timeout_ms), r;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->batch = ev;
	loop->n_batch = n;
	r = dispatch(loop);
	loop->batch = NULL;
	loop->n_batch = 0;
	return r < 0 ? r : n;
}

int loop_run(struct loop *loop)
{
	while (!loop->quit) {
		int r = loop_once(loop, -1);

		if (r < 0)
			return r;
	}
	return loop->result;
}

void loop_quit(struct loop *loop, int result)
{
	loop->quit = true;
	loop->result = result;
}

int loop_signalfd(const sigset_t *set)
{
	int fd;

	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int loop_timerfd(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int loop_timer_set(int fd, uint64_t ms)
{
	struct itimerspec t = {
		.it_value = { .tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * 1000000 },
	};

	return timerfd_settime(fd, 0, &t, NULL) < 0 ? -errno : 0;
}
