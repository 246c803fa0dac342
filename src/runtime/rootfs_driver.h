/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"

struct ctr_spec;

enum {
	ROOTFS_LAYERS_MAX = 500, /* the kernel's own end (OVL_MAX_STACK) */
	/* After the last process of the container a server ends by itself, with status 0: the mount
	 * is gone. Until then it writes what the kernel held for it. For proc_end(). */
	ROOTFS_END_MS = 5000,
};

/* A mounted root file system. */
struct rootfs {
	int mnt;	    /* detached, made in U */
	struct proc server; /* the process that serves it; pidfd -1: the kernel does */
};

/*
 * One way to join layers, behind rootfs_mount(). It has checked the number of layers. An error with
 * the driver's code means that this host does not have it; any other one would meet all alike.
 */
struct rootfs_ops {
	const char *name; /* as in CARREL_ROOTFS */
	enum dcode dcode;
	int (*mount)(const struct ctr_spec *spec, struct rootfs *ret, struct error *err);
};

extern const struct rootfs_ops rootfs_overlay;
extern const struct rootfs_ops rootfs_fuse;
