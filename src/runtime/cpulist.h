/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/mem.h"

/* The kernel's lists of CPUs and memory nodes, "0-3,8": what --cpuset-cpus and --cpuset-mems take,
 * and what sched_setaffinity(2) and set_mempolicy(2) take. */
enum {
	CPULIST_MAX = 1024, /* one more than the highest number */
	CPULIST_WORD_BITS = sizeof(unsigned long) * CHAR_BIT,
};

struct cpulist {
	unsigned long bits[CPULIST_MAX / CPULIST_WORD_BITS];
};

/* -EINVAL, also for an empty list; -ERANGE. A trailing newline is taken, as files have it. */
int cpulist_parse(const char *s, struct cpulist *ret) _nodiscard_;
bool cpulist_has(const struct cpulist *l, unsigned i);
/* Is every member of `part` in `whole`? */
bool cpulist_is_within(const struct cpulist *part, const struct cpulist *whole);
/* The canonical text, cut where buf is too small. Returns buf. */
char *cpulist_format(const struct cpulist *l, char *buf, size_t size);
