/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wire between src/net and the netstack program: descriptors by number at exec, then one byte.
 *	3  control socket (SOCK_SEQPACKET); end of file = end of life
 *	4  user namespace of the container (N)
 *	5  network namespace of the container
 * The program sends one struct error on the control socket when it is ready (code 0) or has
 * failed.
 */
enum {
	NETCTL_CONTROL_FD = 3,
	NETCTL_USERNS_FD = 4,
	NETCTL_NETNS_FD = 5,
};

/* Addresses inside, as slirp4netns users know them. */
#define NETCTL_IPV4_NET	    "10.0.2.0"
#define NETCTL_IPV4_MASK    24
#define NETCTL_IPV4_GATEWAY "10.0.2.2"
#define NETCTL_IPV4_DNS	    "10.0.2.3"
#define NETCTL_IPV4_GUEST   "10.0.2.100"
#define NETCTL_IPV6_PREFIX  "fd00::"
#define NETCTL_IPV6_LEN	    64
#define NETCTL_IPV6_GATEWAY "fd00::2"
#define NETCTL_IPV6_DNS	    "fd00::3"
#define NETCTL_IPV6_GUEST   "fd00::100"
#define NETCTL_INTERFACE    "eth0"
