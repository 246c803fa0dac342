/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cgroupfs.h"
#include "base/error.h"
#include "base/mem.h"
#include "runtime/enforced.h"
#include "runtime/limits.h"

/*
 * The cgroup of one container, in a subtree of cgroup v2 that is delegated to the user. Made only
 * where a limit was asked for: an unlimited start does nothing of this.
 */
struct cgroup {
	int fd;		/* its directory, for CLONE_INTO_CGROUP; -1 = none */
	int parent_fd;	/* where it is removed from */
	int events_fd;	/* its cgroup.events */
	int oom_fd;	/* its memory.events; -1 without that controller */
	bool has_super; /* this process lives in the leaf beside it, which is to be removed */
	char name[CGROUPFS_NAME_MAX];
	char path[CGROUPFS_PATH_MAX]; /* below the mount: for the record */
};

#define CGROUP_NONE                                                      \
	{                                                                \
		.fd = -1, .parent_fd = -1, .events_fd = -1, .oom_fd = -1 \
	}

struct cgroup_saved; /* cgroup_set.h */

struct cgroup_request {
	const struct limits *limits;
	const char *id;
	int libexec_fd;
	/* Called with the path before anything is made there: once it is on record, whoever comes
	 * after a crash can reclaim it. */
	int (*record)(const char *path, void *data, struct error *err);
	void *data;
};

struct cgroup_place;

/*
 * Where cgroup_create() makes it, and what the doctor tries: a place as cgroup_find() has it, else
 * a scope of the user's service manager around this process, of which one bus call asks. Of the
 * controllers wanted, ret->offers are there. -EOPNOTSUPP and the reason: with D-08 there is no
 * place, with D-20 one that has none of them.
 */
int cgroup_locate(unsigned want, const char *id, int libexec_fd, struct cgroup_place *ret,
		  struct error *err) _nodiscard_;

/*
 * On the host side, by the process that will supervise: it, and where it is carrel its parent, may
 * be moved. Finds the subtree (cgroup_find.h), makes the cgroup and writes the limits; each limit
 * that is held gets its row "cgroup v2". One that is not held gets no row, for the caller to find
 * something else or to say D-20 (no such controller here); memory-swap alone gets its row with D-26
 * where the kernel cannot count swap, for nothing else can hold it.
 * -EOPNOTSUPP with D-08 or D-20, as cgroup_locate(). Nothing is left of a failure.
 */
int cgroup_create(const struct cgroup_request *req, struct cgroup *ret, struct enforced *rows,
		  struct error *err) _nodiscard_;

/*
 * After the container's end, by the same process: waits for the last process to be gone, removes
 * the cgroup, and goes back out of the leaf. Closes everything. False: something is left, which the
 * next command reclaims by the record.
 */
bool cgroup_end(struct cgroup *c);
/* Close the descriptors alone: somebody else does the rest. */
void cgroup_done(struct cgroup *c);

/* The directory of a recorded cgroup. -ENOENT: it is gone; -EINVAL: not this container's. */
int cgroup_open(const char *path, const char *id) _nodiscard_;

/* cgroup.freeze, and wait until every process rests. */
int cgroup_freeze(int fd, bool freeze, struct error *err) _nodiscard_;

/*
 * Write changed limits to a running container's cgroup; rows as above. -EOPNOTSUPP with D-20 before
 * anything is written: it has no controller, or no file, for one that is new or another one. Where
 * the kernel refuses a later value, the earlier ones are what they were. saved: for
 * cgroup_set_restore(), where the caller cannot go on.
 */
int cgroup_update(int fd, const struct limits *old, const struct limits *limits,
		  struct enforced *rows, struct cgroup_saved *saved, struct error *err) _nodiscard_;

/*
 * Of a recorded cgroup in a scope: the shares, for the scope. Weights count between the children of
 * one cgroup, and in a scope of its own a container has no sibling. By a bus call, for the manager
 * puts back what others write there. 0: in no scope of ours, where containers are siblings.
 */
int cgroup_weigh_scope(const char *path, const char *id, int libexec_fd, uint64_t shares,
		       struct error *err) _nodiscard_;

/*
 * Put a process into a recorded cgroup that only the user's service manager can reach from here
 * (a login shell is outside of its subtree): one bus call by libexec/carrel/scope. -EOPNOTSUPP: the
 * cgroup is not in a scope of ours.
 */
int cgroup_attach(const char *path, const char *id, int libexec_fd, pid_t pid,
		  struct error *err) _nodiscard_;
