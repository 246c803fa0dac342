/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/mem.h"

/*
 * With autogroups, the kernel's default, a nice value counts within a session only, and each
 * session has one of its own beside the others, which begins at 0 with setsid(2).
 *
 * Set that of our own session, by /proc; not while this process is undumpable. The kernel takes one
 * such change in 100 ms from all users together: waits for its turn, for some seconds at most.
 * -EAGAIN: it did not come. -ENOENT: a kernel without autogroups.
 */
int autogroup_set(int nice) _nodiscard_;
/* That of the session of a process; -ENOENT: it cannot be told, or does not count. */
int autogroup_get(pid_t pid, int *ret) _nodiscard_;
/* By the line of /proc/PID/autogroup. */
int autogroup_parse(const char *line, int *ret) _nodiscard_;
/* The session of this process is known to have another value, and it counts. */
bool autogroup_differs(pid_t pid, int nice);
