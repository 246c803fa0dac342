/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/enforced.h"
#include "runtime/limits.h"
#include "runtime/tune.h"

/*
 * Who holds a limit where no cgroup does: what every user may do to processes of his own. One
 * function per limit, which fills in what is to be done and says in a row how much that is worth.
 */
struct fallback {
	struct tune tune;
	uint64_t max_processes;
	uint64_t watch_memory; /* bytes, for libexec/carrel/watchdog */
};

/* Limits that have a row already, or whose controller (cgroup_find.h) is among `offers`, are
 * somebody else's. why: the code that the new rows get. */
void fallback_decide(const struct limits *l, enum dcode why, unsigned offers, struct enforced *rows,
		     struct fallback *ret);

/* "64 MiB", for rows. Returns buf. */
char *fallback_size(uint64_t bytes, char buf[32]);
