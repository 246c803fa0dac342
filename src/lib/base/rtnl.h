/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/mem.h"

/* The few rtnetlink requests that a container's interface needs; each waits for the kernel's
 * acknowledgement and returns its -errno. `family` and address bytes as of inet_pton(3). */
int rtnl_open(void) _nodiscard_;
int rtnl_link_up(int sock, unsigned ifindex, unsigned mtu) _nodiscard_; /* mtu 0: leave */
int rtnl_add_address(int sock, unsigned ifindex, int family, const void *addr,
		     unsigned prefix_len) _nodiscard_;
int rtnl_add_default_route(int sock, unsigned ifindex, int family, const void *gateway) _nodiscard_;
/*
 * A pair of interfaces, both down: `name` in the socket's network namespace, `peer` in the one that
 * peer_netns names (-1: the same). Wants CAP_NET_ADMIN over both. -EOPNOTSUPP: no veth in the
 * kernel.
 */
int rtnl_add_veth(int sock, const char *name, const char *peer, int peer_netns) _nodiscard_;
