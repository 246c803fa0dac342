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
