/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "runtime/command.h"
#include "runtime/ctr.h"
#include "runtime/mnt.h"
#include "runtime/oneid.h"
#include "runtime/users.h"

/*
 * What pid 1 walks between clone and exec, computed by its parent in U: every source is open, every
 * name is looked up, nothing is allocated later.
 */
enum {
	PLAN_OPTIONS_MAX = 12,
	PLAN_FILES_MAX = 6,
	PLAN_HIDDEN_MAX = 32,
};

/* A directory that a bind shows and the container is not to see (hidden.h). */
struct plan_hidden {
	char *path; /* below the target */
	dev_t dev;
	ino_t ino;
};

struct plan_volume {
	enum ctr_mount_kind kind;
	const char *target;
	unsigned attr; /* MOUNT_ATTR_* */
	int tree;      /* bind: detached copy of the source */
	bool is_dir;
	struct mnt_option options[PLAN_OPTIONS_MAX + 1]; /* tmpfs */
	char *option_text;				 /* what they point into */
	struct plan_hidden hidden[PLAN_HIDDEN_MAX];
	unsigned n_hidden;
};

/* A file of ours that is bound over the image's. */
struct plan_file {
	const char *target;
	int tree;
};

struct plan {
	const struct ctr_spec *spec;
	int sync; /* the child's end of the socket to its parent */
	int gate; /* the parent's end, which the child must not keep */
	int root; /* detached */
	int sys;  /* NET_HOST: detached copy of the host's /sys, else -1 */
	struct plan_volume *volumes;
	unsigned n_volumes;
	struct plan_file files[PLAN_FILES_MAX];
	unsigned n_files;
	int files_dir;	    /* where they lie; start() takes it along */
	struct ids ids;	    /* of pid 1 until its exec */
	struct proc server; /* of the root file system; see rootfs.h */
	struct user user;
	struct command exec;
};

/* Opens and looks up everything; p is ready for plan_done() also on failure. */
int plan_make(const struct ctr_spec *spec, struct plan *p, struct error *err) _nodiscard_;
void plan_done(struct plan *p);

/* volumes.c: the two halves of binds and tmpfs mounts. */
int volumes_open(const struct ctr_spec *spec, struct plan *p, struct error *err) _nodiscard_;
void volumes_done(struct plan *p);
/* In pid 1, with root attached: resolve each target inside the root and attach. */
int volumes_attach(const struct plan *p, struct error *err) _nodiscard_;

/* mounts.c, in pid 1: /proc, /sys, /dev and what belongs into them. */
struct mounts {
	int pts, dev;
	int proc; /* with CTR_KEEP_PROC: read-only, and nothing will ever be mounted on it; else -1
		   */
};
int mounts_attach(const struct plan *p, struct mounts *ret, struct error *err) _nodiscard_;
void mounts_done(struct mounts *m); /* for _cleanup_() too */

/* The directory entry `name` of the root as a real directory, whatever the image has there. */
int mounts_real_dir(int dirfd, const char *name, struct error *err) _nodiscard_;
