/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>

#include "base/mem.h"

/*
 * Signals that a foreground command passes on to its container: all that can be caught, without
 * the child's and the window's own, those that say that this process itself is broken, and those
 * of job control, which mean us.
 */
void signals_proxied(sigset_t *ret);
/* The same as a non-blocking signalfd, with SIGWINCH where wanted; they are blocked from now on. */
int signals_open(int with_winch) _nodiscard_;
/* Next pending signal number, 0 when there is none. */
int signals_read(int fd) _nodiscard_;
