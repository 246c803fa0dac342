/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

struct ctr_spec;
struct rootfs_ops;

/*
 * Mount a root file system of this driver below dirfd, on its file system, and remove and make
 * again a directory of its layer; in U. Leaves nothing behind. -errno, with the driver's code where
 * the host is to blame; *ret_mounted: it got as far as that.
 */
int rootfs_try(const struct rootfs_ops *ops, int dirfd, bool *ret_mounted,
	       struct error *err) _nodiscard_;

/*
 * An overlay whose upper has no user xattrs mounts, and fails only where a directory is replaced:
 * EIO, in the middle of somebody's work (tmpfs before Linux 6.6, ramfs, some FUSE servers). So it
 * is tried for the container's directory, but only where the file system can be one of those: ext4,
 * xfs, btrfs and f2fs cost one statfs. The answer is kept in spec->facts_fd until the next boot. A
 * stale "yes" meets the mount itself, a stale "no" can only be of another file system.
 */
int rootfs_try_overlay(const struct ctr_spec *spec, struct error *err) _nodiscard_;
