/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * What stands in for a tap where the user may not open /dev/net/tun: a veth pair, whose one end is
 * the container's interface (NETCTL_INTERFACE, down) and whose other end is a packet socket.
 *
 * Called by a single-threaded process that is root in U; it leaves its network namespace for a new
 * one. netns_fd: the container's network namespace. Returns the non-blocking socket: frames with a
 * struct virtio_net_hdr in front, as a tap has them. The new namespace, the pair with it, lives as
 * long as the socket. D-27.
 */
int veth_make(int netns_fd, unsigned mtu, struct error *err) _nodiscard_;
/* The rest, inside of the container's network namespace. */
int veth_set_up(struct error *err) _nodiscard_;
