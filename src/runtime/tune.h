/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"
#include "runtime/cpulist.h"

/*
 * What a process may change about itself without any right, and hands on to its children: used
 * where there is no cgroup. All of it is soft: a program inside may take it back, but for nice.
 */
enum tune_flags {
	TUNE_CPUS = 1 << 0,
	TUNE_MEMS = 1 << 1,
	TUNE_NICE = 1 << 2,
	TUNE_IO = 1 << 3,
	TUNE_OOM_ADJ = 1 << 4,
};

struct tune {
	enum tune_flags flags;
	struct cpulist cpus, mems;
	int nice;
	int io_level; /* best effort: 0 first to 7 last */
	int oom_score_adj;
};

/* In pid 1, while it still sees the host's /proc and may write its own files there. */
int tune_apply(const struct tune *t, struct error *err) _nodiscard_;

/* In pid 1, after that: a session of its own with the nice value, for without it the other counts
 * beside nobody (base/autogroup.h). */
int tune_session(const struct tune *t) _nodiscard_;
/* The kernel did not take it. */
bool tune_session_is_lost(const struct tune *t, pid_t pid);

struct ctr_rlimit {
	int resource;
	struct rlimit value;
};

int tune_rlimits(const struct ctr_rlimit *limits, unsigned n, struct error *err) _nodiscard_;

/* Would the kernel let us? It is tried, and taken back. */
bool tune_can_oom_adj(int value);
