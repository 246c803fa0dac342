/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * Mounts as descriptors (the mount API of 5.2): made detached, changed, then attached to a place
 * that is a descriptor too, so that no path is walked twice. No allocation: pid 1 of a container
 * calls these between clone and exec.
 */
struct mnt_option {
	const char *key;
	const char *value; /* NULL: a flag */
};

/* New file system with options up to the row whose key is NULL. attr: MOUNT_ATTR_*. -errno. */
int mnt_new(const char *type, const struct mnt_option *options, unsigned attr) _nodiscard_;

/* Private copy of what is mounted at path below dirfd ("" = dirfd itself), with all below it. */
int mnt_copy(int dirfd, const char *path) _nodiscard_;

/* Set attributes on the whole tree, and make it private. */
int mnt_restrict(int mnt, uint64_t attr_set) _nodiscard_;

/* Put the tree on the place that `target` (O_PATH) names. */
int mnt_attach(int mnt, int target) _nodiscard_;

/*
 * Descriptors that were opened before userns_enter() lie in the host's mount namespace and cannot
 * be mounted: open the same file again by its path in ours. -ESTALE when it is another file.
 */
int mnt_reopen(int fd, struct error *err) _nodiscard_;
