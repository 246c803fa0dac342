/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/rootfs.h"

/*
 * One way to join layers, behind rootfs_mount(). It has checked the number of layers. An error that
 * carries a code of the doctor means that this host does not have the driver; any other one would
 * meet every driver alike.
 */
struct rootfs_ops {
	const char *name; /* as in CARREL_ROOTFS */
	int (*mount)(const struct ctr_spec *spec, struct rootfs *ret, struct error *err);
};

extern const struct rootfs_ops rootfs_overlay; /* D-06 */
