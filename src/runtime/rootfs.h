/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"

struct ctr_spec;

enum {
	ROOTFS_LAYERS_MAX = 500, /* the kernel's own end (OVL_MAX_STACK) */
};

/* A mounted root file system. */
struct rootfs {
	int mnt;	    /* detached, made in U */
	struct proc server; /* the process that serves it; pidfd -1: the kernel does */
};

/*
 * The layers of spec with a writable upper below its directory, made in U. CARREL_ROOTFS=overlay
 * names the driver, CARREL_OVERLAY=new|classic one of overlay's two ways (tests run both). D-06.
 * A server is a child of the caller and dies with it.
 */
int rootfs_mount(const struct ctr_spec *spec, struct rootfs *ret, struct error *err) _nodiscard_;

/*
 * After the last process of the container: a server ends by itself when its mount is gone, and has
 * then written everything. What does not end is killed; it is reaped in any case.
 */
void rootfs_end(struct proc *server);

/*
 * Descriptors that were opened before userns_enter() lie in the host's mount namespace and cannot
 * be mounted: open the same file again by its path in ours. -ESTALE when it is another file.
 */
int rootfs_reopen(int fd, struct error *err) _nodiscard_;
