/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"

enum {
	TAP_MTU = 1500,
};

/*
 * A child that waits on the control socket for the container's namespaces, joins them, makes the
 * interface and configures it, addresses and routes included.
 */
struct tap_maker {
	struct proc proc;
	int sock;
};
int tap_start(int control_fd, struct tap_maker *ret, struct error *err) _nodiscard_;
/*
 * Works inside the sandbox. Returns the non-blocking tap descriptor when the child is gone; its
 * frames have a struct virtio_net_hdr in front, with checksum and TCP segmentation offload in both
 * directions. D-07, D-13.
 */
int tap_take(struct tap_maker *m, struct error *err) _nodiscard_;
