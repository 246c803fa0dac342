/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "runtime/rootfs_driver.h"

/*
 * The layers of spec with a writable upper below its directory, made in U by the first driver that
 * this host takes: the kernel's overlay, else fuse-overlayfs, with one warning [D-06] or, with
 * CTR_STRICT, an error. CARREL_ROOTFS=overlay|fuse names the driver, CARREL_OVERLAY=new|classic
 * one of overlay's two ways (tests run all). The server is a child of the caller and dies with it.
 */
int rootfs_mount(const struct ctr_spec *spec, struct rootfs *ret, struct error *err) _nodiscard_;

enum {
	ROOTFS_GONE_MS = 500, /* from the end of the mount, in that of pid 1, to the latter */
};

/*
 * Did the server end with the mount? Where a request is on its way just then the kernel lets the
 * server's read fail (ECONNABORTED), and fuse-overlayfs calls that a failure: 1, with pid 1 close
 * behind.
 */
static inline bool rootfs_server_is_done(int status, const struct proc *init)
{
	return status == 0 || (status == 1 && proc_wait_pidfd(init->pidfd, ROOTFS_GONE_MS) == 1);
}
