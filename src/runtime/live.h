/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/mem.h"

/*
 * A process lives on when its first thread has ended, but then /proc/PID tells of no memory, no
 * mounts and no namespaces, and its pidfd joins none: any other thread has them.
 */
enum {
	LIVE_DIR_MAX = 48,
};

/* The number of a thread that lives: pid itself, where that one does. -ESRCH: none. */
pid_t live_thread(pid_t pid) _nodiscard_;
/* Where /proc tells of it: "/proc/PID", or "/proc/PID/task/TID" where only that says anything. Of
 * one that has ended "/proc/PID", where there is nothing. Returns buf. */
const char *live_dir(pid_t pid, char buf[LIVE_DIR_MAX]);
