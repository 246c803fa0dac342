/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/procstat.h"

/*
 * The processes of a container's pid namespace and of those nested in it, as the host's own /proc
 * shows them. Read from outside alone: nothing inside is entered, opened or executed
 * (CVE-2022-1227). The user has the power over all of them, of whatever id, as the owner of U.
 */
struct pidtree_proc {
	pid_t pid;
	struct procstat stat;
};

struct pidtree {
	struct pidtree_proc *procs; /* parents before their children */
	size_t n, cap;
};

enum {
	PIDTREE_MAX = 1 << 20, /* processes */
};

/* init: pid 1 of the container. -ESRCH: it has ended. */
int pidtree_read(pid_t init, struct pidtree *ret, struct error *err) _nodiscard_;
void pidtree_done(struct pidtree *t); /* for _cleanup_() too */

/*
 * Pause without a freezer. Every process gets SIGSTOP, parents before children, again and again
 * until two passes in a row find nobody new and nobody who still runs: what was forked meanwhile is
 * found, too. -EAGAIN after ten seconds of that. Processes can see it (a parent that waits for
 * stopped children). Continuing goes the other way round.
 */
int pidtree_stop(pid_t init, struct error *err) _nodiscard_;
int pidtree_continue(pid_t init, struct error *err) _nodiscard_;
