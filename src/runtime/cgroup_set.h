/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "runtime/enforced.h"
#include "runtime/limits.h"

enum {
	CGROUP_SAVED_FILES = 10,
	CGROUP_SAVED_MAX = 512, /* a list of processors */
};

/* What the files say that an update may write; "" where one is not there. */
struct cgroup_saved {
	char text[CGROUP_SAVED_FILES][CGROUP_SAVED_MAX];
};

/* The controllers that these limits need. */
unsigned cgroup_set_needs(const struct limits *l);

/*
 * Write the limits into a cgroup of ours, in the order that the kernel wants (memory before swap).
 * Each that stuck is a row; -errno is for none of them, only what is written wrongly: a limit that
 * the kernel refuses as such (a cpuset without a processor) with err set.
 */
int cgroup_set_all(int fd, const struct limits *l, struct enforced *rows,
		   struct error *err) _nodiscard_;
/* Of the limits that a running container can be given, those that are new or others than before.
 * Borrows the lists. */
struct limits cgroup_set_changed(const struct limits *old, const struct limits *now);
/* The first of them that this cgroup has no file for, by its option, and the file; or NULL. A
 * controller may be there without it: io has weights only with iocost or bfq. */
const char *cgroup_set_lacks(int fd, const struct limits *l, const char **ret_file);
/* -E2BIG: one of the files has more than can be kept. */
int cgroup_set_save(int fd, struct cgroup_saved *ret) _nodiscard_;
void cgroup_set_restore(int fd, const struct cgroup_saved *saved);
/* Lift what was limited and is no more. */
int cgroup_set_lift(int fd, const struct limits *old, const struct limits *now,
		    struct error *err) _nodiscard_;
