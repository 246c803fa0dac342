/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * What the kernel holds of a container's pid 1, seen from outside by /proc. The process is hostile:
 * texts are the kernel's, but names in them may be the container's.
 */
struct observed_ids {
	uint64_t count; /* ids of the map; 0 = could not be read */
	uint32_t first; /* host id behind id 0 */
	uint32_t range; /* first host id behind id 1; 0 = there is none */
};

struct observed {
	uint64_t caps; /* bounding set */
	int seccomp;   /* mode: 0 none, 2 filter */
	unsigned filters;
	bool no_new_privs;
	struct observed_ids uids, gids;
	char *mounts;	  /* its mountinfo; NULL = could not be read */
	char program[64]; /* first word of its command line */
	int own_net;	  /* 1: a network namespace that is not ours; 0: ours; -1: cannot be told */
	int64_t oom_score_adj;
	int nice;
	bool has_autogroup; /* the host schedules by session, and has told that of pid 1 */
	int autogroup_nice;
	uint64_t shm_size; /* of the tmpfs at /dev/shm; 0 = none there */
	struct rlimit limits[RLIM_NLIMITS];
	bool knows_limits;
	char cpus[128]; /* "0-3", those it may run on; "" = not told */
	char mems[128]; /* "0", nodes that its memory is bound to; "" = it is not, or not told */
	int io_prio;	/* of ioprio_get(2); -1: not told */
	/* Beside it, below the same parent; -1: the parent's children cannot be read. */
	int has_watchdog, has_netstack;
};

/* Of pid, whose parent is `parent`. pidfd says at the end that all of it was about this process:
 * -ESRCH when it has ended. */
int observe(int pidfd, pid_t pid, pid_t parent, struct observed *ret,
	    struct error *err) _nodiscard_;
void observed_done(struct observed *o); /* for _cleanup_() too */

/*
 * The mount on top of the place that pid's container knows as `path`, links followed inside its
 * root: its id in the list of mounts. 0 = none lies there, or it could not be found out: what the
 * container mounts on the way may never answer, and is not waited for.
 */
uint64_t observe_mount(int pidfd, pid_t pid, const char *path);

/* Pure halves: the texts of /proc/PID/status and of uid_map. -EINVAL. */
int observe_status(const char *text, struct observed *ret) _nodiscard_;
int observe_map(const char *text, struct observed_ids *ret) _nodiscard_;
/* "bind:LIST" in the first line of numa_maps, as that list. */
void observe_mems(const char *text, char *buf, size_t size);
