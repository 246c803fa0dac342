/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* What proc_pid_stat(5) says of a process or a thread. */
struct procstat {
	char state; /* 'R', 'S', 'T', ... */
	uint64_t parent;
	uint64_t flags; /* PF_* of the kernel */
	uint64_t ticks; /* user and system time, with that of children that were waited for */
	uint64_t threads;
	uint64_t start_time; /* clock ticks since boot */
	uint64_t rss_pages;
};

/* The line, whatever the process has for a name; -EINVAL, also where it was cut. */
int procstat_parse(const char *s, size_t n, struct procstat *ret) _nodiscard_;
/* Of an open file of that kind, as it is now. -ESRCH: it has ended. */
int procstat_read(int fd, struct procstat *ret) _nodiscard_;
