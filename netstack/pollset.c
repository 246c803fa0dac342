/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "pollset.h"

#include <errno.h>
#include <limits.h>

#include "base/clock.h"

void pollset_init(struct pollset *ps, unsigned cap)
{
	*ps = (struct pollset){ .fds = xcalloc(cap, sizeof(*ps->fds)), .cap = cap };
}

void pollset_done(struct pollset *ps)
{
	free(ps->fds);
	*ps = (struct pollset){ 0 };
}

void pollset_start(struct pollset *ps)
{
	ps->n = 0;
	ps->now_ms = clock_ms();
	ps->wake_ms = INT64_MAX;
}

int pollset_add(struct pollset *ps, int fd, short events)
{
	if (ps->n == ps->cap)
		return -1;
	ps->fds[ps->n] = (struct pollfd){ .fd = fd, .events = events };
	return (int)ps->n++;
}

void pollset_wake_at(struct pollset *ps, int64_t ms)
{
	if (ms < ps->wake_ms)
		ps->wake_ms = ms;
}

/* #syscalls: poll ppoll restart_syscall clock_gettime */
int pollset_wait(struct pollset *ps)
{
	int64_t left = ps->wake_ms - ps->now_ms;
	int timeout = -1, r;

	if (ps->wake_ms != INT64_MAX)
		timeout = left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
	r = poll(ps->fds, ps->n, timeout);
	if (r < 0) {
		if (errno != EINTR)
			return -errno;
		for (unsigned i = 0; i < ps->n; i++)
			ps->fds[i].revents = 0;
	}
	ps->now_ms = clock_ms();
	return 0;
}

short pollset_revents(const struct pollset *ps, int index)
{
	return index < 0 ? 0 : ps->fds[index].revents;
}
