/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/proc.h"
#include "cli/ctrconf.h"
#include "cli/fallback.h"
#include "runtime/ctr.h"

/*
 * The one place that decides by what each limit of a container is held, at each of its starts, in
 * the order of the calls below. Without limits none of it does anything.
 */
enum {
	ENFORCE_RLIMITS_MAX = 16, /* one of a kind */
};

struct enforce {
	struct fallback fallback;
	struct ctr_rlimit rlimits[ENFORCE_RLIMITS_MAX];
	unsigned n_rlimits;
	uint64_t shm_size;
	int oom_fd; /* the watchdog's events (runtime/oom.h), or -1 */
	struct proc watchdog;
};

#define ENFORCE_NONE                                     \
	(struct enforce)                                 \
	{                                                \
		.oom_fd = -1, .watchdog = {.pidfd = -1 } \
	}

enum enforce_flags {
	ENFORCE_STRICT = 1 << 0, /* what is not held as asked is an error, not a warning */
	ENFORCE_QUIET = 1 << 1,	 /* the warnings were printed already: it is the second try */
};

/* What the host does not have at all: processors, memory nodes, devices. */
int enforce_check_host(const struct limits *l, struct error *err) _nodiscard_;
/* Before anything is made: the above; when strict, also what cannot be held as it was asked. */
int enforce_check(const struct ctrconf *rec, enum enforce_flags flags,
		  struct error *err) _nodiscard_;

/* On the host side, by the process that will supervise, after the cgroup: the verdict on the rest,
 * the warnings, the record. rows: what the cgroup holds; why: it does not hold the rest. */
int enforce_begin(struct enforce *e, const struct ctrconf *rec, int ctr_dirfd,
		  enum enforce_flags flags, enum dcode why, struct enforced *rows,
		  struct error *err) _nodiscard_;

/* Does something of it count or look by an owner of N of its own? That wants a U of its own. */
bool enforce_needs_owner(const struct enforce *e);
/*
 * The id in U that shall own N; 0: root, as usual. The highest has no process of ours: so the
 * kernel can count what is in N, and the watchdog, which looks inside by the right of the owner, is
 * not of the kernel uid of container root. A map of a single id has no other.
 */
uid_t enforce_owner(const struct enforce *e, const struct idmap *map);

/* What of it pid 1 gets. */
void enforce_spec(const struct enforce *e, struct ctr_spec *spec);

/* Pid 1 is there and waits. */
int enforce_started(struct enforce *e, struct ctr *c, const struct idmap *map, int libexec_fd,
		    struct error *err) _nodiscard_;

/* And is out of reach: a warning and the record where its session did not get its nice value. */
int enforce_session(const struct enforce *e, const struct ctr *c, int ctr_dirfd, bool strict,
		    struct error *err) _nodiscard_;

/* For another program in the running container: the fallback and the limits of pid 1. */
int enforce_exec(struct enforce *e, const struct ctrconf *rec, int ctr_dirfd,
		 struct error *err) _nodiscard_;

/* It has ended, or did not start. */
void enforce_done(struct enforce *e);
