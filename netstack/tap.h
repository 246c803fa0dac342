/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

enum {
	TAP_MTU = 1500,
};

/*
 * Make the container's interface and configure it, addresses and routes included, in a child that
 * joins the two namespaces and is gone when this returns. Returns the non-blocking tap descriptor;
 * its frames have a struct virtio_net_hdr in front, with checksum and TCP segmentation offload
 * in both directions. D-07, D-13.
 */
int tap_open(int userns_fd, int netns_fd, struct error *err) _nodiscard_;
