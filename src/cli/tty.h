/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The caller's terminal in raw mode: every key goes to the container. Restored by tty_restore() on
 * each way out; while it is raw all signals that could end this process are read from a signalfd,
 * so that only SIGKILL leaves it raw.
 */
struct tty {
	int fd; /* -1: not raw */
	struct termios saved;
};

/* Nothing (and 0) where fd is no terminal. */
int tty_raw(struct tty *t, int fd) _nodiscard_;
void tty_restore(struct tty *t); /* for _cleanup_() too */

/*
 * Whoever asks for a terminal inside and for input (-i -t) has one: a pipe has an end that no
 * terminal inside would ever see, and its command would wait for ever. -EINVAL, with `hint`.
 */
int tty_need_input(const char *hint, struct error *err) _nodiscard_;

/* Was the caller's terminal, among standard input and output, hung up? */
bool tty_is_gone(void);

/* Rows and columns of the first terminal among 0, 1, 2; zeros where there is none. */
void tty_size(unsigned short *ret_rows, unsigned short *ret_cols);
