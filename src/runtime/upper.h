/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * Where a container's own files lie below containers/<id>, and whose marks they carry:
 *	upper/ work/		what the kernel's overlay writes
 *	fuse/{upper,work}	what fuse-overlayfs writes: a directory of its own, because its
 *				process gets that one and no other file of the container
 * Whoever mounts takes the files over from the other. fuse-overlayfs reads what overlay wrote. The
 * other way its marks are made overlay's: user.fuseoverlayfs.opaque and the file .wh..wh..opq
 * become user.overlay.opaque, a file .wh.NAME becomes the device 0:0 NAME, and
 * user.fuseoverlayfs.origin, which a container would see, goes. All of it in U, with the
 * container's lock held; killed at any point, the next start goes on.
 */

/* dirfd: containers/<id> in our mount namespace. Both make the directories that are not there. */
int upper_for_overlay(int dirfd, struct error *err) _nodiscard_;
/* Returns a descriptor of fuse/. */
int upper_for_fuse(int dirfd, struct error *err) _nodiscard_;

/* Only the marks of the tree below dirfd. Names and depth may be anything: a container chose them.
 */
int upper_convert(int dirfd, struct error *err) _nodiscard_;
