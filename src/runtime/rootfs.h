/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

struct ctr_spec;

enum {
	ROOTFS_LAYERS_MAX = 500, /* the kernel's own end (OVL_MAX_STACK) */
};

/*
 * The overlay of spec's layers with upper/ and work/ below its directory, as a detached mount,
 * made in U. CARREL_OVERLAY=new|classic forces one of the two ways (tests run both). D-06.
 */
int rootfs_mount(const struct ctr_spec *spec, struct error *err) _nodiscard_;

/*
 * Descriptors that were opened before userns_enter() lie in the host's mount namespace and cannot
 * be mounted: open the same file again by its path in ours. -ESTALE when it is another file.
 */
int rootfs_reopen(int fd, struct error *err) _nodiscard_;
