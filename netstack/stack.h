/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * The network stack of one container: tap on one side, sockets of the host's network namespace on
 * the other, libslirp and our own DNS and ping between them.
 */
enum {
	STACK_SPARE_FDS = 64, /* tap, control, reader, standard descriptors */
	/* A burst of frames before sockets get their turn. */
	STACK_FRAMES_PER_ROUND = 64,
	/*
	 * Inside the stack; the container sees TAP_MTU. libslirp announces a window that opened
	 * only when it grew by two segments: at 65535, the most it can announce, a sender would sit
	 * until its own probe 200 ms later.
	 */
	STACK_MTU = 40 + 5 * 1448,
};

struct stack;

/* Descriptors that the limits above add up to; RLIMIT_NOFILE has to allow them. */
unsigned stack_max_fds(void);

/* reader is owned afterwards, also on failure; control is borrowed. */
struct stack *stack_new(int control_fd, int reader_fd, struct error *err);
/* Owned, before the run. */
void stack_set_tap(struct stack *s, int tap_fd);
void stack_free(struct stack *s);
/* Until the other end of the control socket is closed, or the interface is gone; 0 or -errno. */
int stack_run(struct stack *s) _nodiscard_;
