/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wire between src/net and the netstack program, on one socket (SOCK_SEQPACKET) whose end of file
 *is the end of life. The program starts before there is a container:
 *	-> one byte, with two descriptors: user namespace (N) and network namespace of the container
 *	<- struct error: ready (code 0), or why not; that may come first
 */
enum {
	NETCTL_CONTROL_FD = 3,
	NETCTL_NAMESPACES = 2, /* descriptors, in this order: */
	NETCTL_USERNS = 0,
	NETCTL_NETNS = 1,
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
