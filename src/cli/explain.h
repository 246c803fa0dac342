/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dcode.h"
#include "cli/ctrconf.h"
#include "runtime/enforced.h"
#include "runtime/observe.h"
#include "storage/setid.h"

/*
 * What was asked of a container against what holds it: one row for each thing, from its record, the
 * verdicts of its last start and, while it runs, the kernel. Pure: what was read is given.
 */
struct explain_row {
	char *what;	/* "memory", "mount /data" */
	char *asked;	/* "64 MiB" */
	char *enforced; /* what the kernel has: "64 MiB", "yes"; "" = not looked at */
	char *by;	/* "cgroup v2", "seccomp"; "nothing" */
	char *note;	/* how, what is lost, what differs */
	enum dcode dcode;
	bool differs; /* the kernel has something else than was asked */
};

struct explain {
	struct explain_row *rows;
	size_t n, cap;
};

struct explain_input {
	const struct ctrconf *rec;
	const struct enforced *limits; /* of the last start */
	const struct observed *seen;   /* NULL: it does not run */
	/* Behind each mount of the record whose path is a link inside, the id of what lies there;
	 * else 0. NULL: none is known. */
	const uint64_t *mount_ids;
	int cgroup_fd;		   /* the container's, or -1 */
	enum dcode one_id;	   /* of its state */
	const struct setid *setid; /* NULL: not looked for, or not found */
};

/* A mount of the record that the list of mounts has not by its path: a link may lead to it. */
bool explain_wants_mount(const struct explain_input *in, size_t i);

void explain_fill(const struct explain_input *in, struct explain *ret);
void explain_done(struct explain *x); /* for _cleanup_() too */
