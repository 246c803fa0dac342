/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * What a container uses, at one moment: from the files of its cgroup, and what those do not tell
 * from /proc, summed over its processes (memory as PSS, so that shared pages count once). Read from
 * outside alone.
 */
struct usage {
	uint64_t when_ns; /* of the monotonic clock */
	uint64_t cpu_ns, memory, memory_limit;
	uint64_t rx, tx;
	uint64_t read, written; /* bytes of block devices */
	uint64_t pids;		/* threads count, too, as in the pids controller */
	bool summed;		/* at least one of them is a sum over /proc */
	bool summed_memory;	/* that one is: the limit is the host's memory then */
};

/* init: pid 1. cgroup_fd: -1 = none. host_net: the network is the host's, not the container's. */
int usage_read(pid_t init, int cgroup_fd, bool host_net, struct usage *ret,
	       struct error *err) _nodiscard_;

/* In hundredths of a percent of one processor, between two moments. */
uint64_t usage_cpu_percent(const struct usage *before, const struct usage *now);

/* In hundredths of a percent of the limit, to the nearest. */
uint64_t usage_memory_percent(const struct usage *now);

/* The pure halves: sums over the lines of io.stat and of /proc/PID/net/dev (without lo). */
void usage_parse_io_stat(const char *text, struct usage *u);
void usage_parse_net_dev(const char *text, struct usage *u);
