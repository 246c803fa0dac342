/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/mem.h"

/*
 * OFD write locks (F_OFD_SETLK, Linux 3.15). They belong to the open file: a forked child that has
 * not exec'd keeps them alive, so they are CLOEXEC and children close them first.
 * Lock order: store < image < container; never held across a network wait.
 */

/* Open or create `name` below dirfd and lock it. Returns the descriptor that is the lock, or
 * -EAGAIN when somebody else holds it. */
int lock_try(int dirfd, const char *name) _nodiscard_;
/* The same, waiting. */
int lock_wait(int dirfd, const char *name) _nodiscard_;
/* Does anybody hold it? 1 yes, 0 no (also when the file does not exist). */
int lock_test(int dirfd, const char *name) _nodiscard_;
