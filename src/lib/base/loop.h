/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/mem.h"

/*
 * One epoll loop, level-triggered, for programs that wait for several things. Sources are owned by
 * the caller and must outlive their registration; removing one from inside a handler is allowed.
 * No allocation after loop_init().
 */
enum {
	LOOP_BATCH = 32,
};

struct loop;
struct loop_source;

/* events: EPOLLIN etc. A negative return value ends loop_run() with that value. */
typedef int (*loop_handler)(struct loop *loop, struct loop_source *source, uint32_t events);

struct loop_source {
	int fd;
	uint32_t events; /* what is registered now; 0 = not in the loop */
	loop_handler handler;
	void *data;
};

struct loop {
	int epoll_fd;
	bool quit;
	int result;
	/* The events in hand: removing a source takes its pointer out of them. */
	struct epoll_event *batch;
	int n_batch;
};

int loop_init(struct loop *loop) _nodiscard_;
void loop_done(struct loop *loop);

/* Register, change (same source again) or, with events 0, remove. */
int loop_set(struct loop *loop, struct loop_source *source, uint32_t events) _nodiscard_;
void loop_remove(struct loop *loop, struct loop_source *source);

/* Runs until loop_quit() or a handler's negative return; returns the result. */
int loop_run(struct loop *loop) _nodiscard_;
/* One round; timeout in milliseconds, -1 waits for ever. */
int loop_once(struct loop *loop, int timeout_ms) _nodiscard_;
void loop_quit(struct loop *loop, int result);

/* Block the set and return a non-blocking signalfd for it. */
int loop_signalfd(const sigset_t *set) _nodiscard_;
/* Monotonic one-shot timer descriptor, unarmed; armed by loop_timer_set (ms, 0 disarms). */
int loop_timerfd(void) _nodiscard_;
int loop_timer_set(int fd, uint64_t ms) _nodiscard_;
