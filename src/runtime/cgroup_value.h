/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* What docker's numbers are in the files of cgroup v2. Pure; texts go to buf, -ENAMETOOLONG. */
enum {
	CGROUP_VALUE_MAX = 128,
	CGROUP_SHARES_DEFAULT = 1024,
	CGROUP_PERIOD_US = 100000, /* the kernel's default, and docker's */
};

/*
 * --cpu-shares 2..262144 (1024) -> cpu.weight 1..10000 (100), as systemd does it: the default is
 * the default, and the ratio of two containers is what was asked, within 1 and 10000. The curve
 * that runc and crun have used since 2025 reaches both ends, but gives 1024 and 256 a ratio of 2.9;
 * the straight line before it made 39 of 1024, less than half of an unlimited neighbour.
 */
uint32_t cgroup_weight_of_shares(uint64_t shares);
/* --blkio-weight 10..1000 -> io.weight 1..10000, on a line; io.bfq.weight takes docker's number. */
uint32_t cgroup_io_weight(uint32_t blkio_weight);

/* "QUOTA PERIOD" or "max PERIOD"; 0 = not asked. */
int cgroup_cpu_max(uint64_t quota_us, uint64_t period_us, char buf[CGROUP_VALUE_MAX]) _nodiscard_;
/*
 * docker's --memory-swap is memory and swap together, memory.swap.max is swap alone: -1 -> "max", 0
 * (not asked) -> as much as memory. -EINVAL: less than the memory.
 */
int cgroup_swap_max(uint64_t memory, int64_t memory_swap, char buf[CGROUP_VALUE_MAX]) _nodiscard_;
/* A positive number, or "max" for -1. */
int cgroup_count_max(int64_t n, char buf[CGROUP_VALUE_MAX]) _nodiscard_;
