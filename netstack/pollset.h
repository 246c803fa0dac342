/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * The set that one round of poll(2) waits for. libslirp names its descriptors anew each round, so
 * the others do the same. No allocation after pollset_init().
 */
struct pollset {
	struct pollfd *fds;
	unsigned n, cap;
	int64_t now_ms;
	int64_t wake_ms; /* earliest time that somebody asked for */
};

void pollset_init(struct pollset *ps, unsigned cap);
void pollset_done(struct pollset *ps);
/* Start a round: empty, the clock read. */
void pollset_start(struct pollset *ps);
/* Index for pollset_revents(), or -1 when the set is full. */
int pollset_add(struct pollset *ps, int fd, short events);
void pollset_wake_at(struct pollset *ps, int64_t ms);
/* 0 or -errno; interrupted is not an error. The clock is read again. */
int pollset_wait(struct pollset *ps) _nodiscard_;
/* Index -1: no events. */
short pollset_revents(const struct pollset *ps, int index);
