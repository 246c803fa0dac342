/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "veth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/rtnl.h"
#include "base/str.h"
#include "netctl.h"

/*
 * Theory of operation
 *
 * The outer end of the pair may not lie where the host's interfaces are (that namespace is not
 * ours), nor beside the inner one, where container root could take it. So it gets a network
 * namespace of its own, U's, in which nothing else is and which has no name and no process: the
 * packet socket alone keeps it. When netstack ends, the namespace goes, the pair, and so eth0.
 *
 * The socket hands out and takes frames with a virtio header in front, segments of up to 64 KiB
 * among them: for the stack it is a tap. Three things differ. The kernel would segment nothing for
 * us that a tap would not have let through, so UDP segments are switched off on the inner end. A
 * full queue loses frames, where a tap makes the sender wait. And the outer end is an interface
 * with a kernel behind it, which has to be kept from speaking.
 */

#define VETH_OUTER "carrel0"

enum {
	/* The kernel cuts it to net.core.rmem_max. A frame of 64 KiB is accounted as 100. */
	RECEIVE_BUFFER = 8 << 20,
	FEATURES_MAX = 256,
};

static int refuse(int r, const char *what, struct error *err)
{
	error_code(err, r, "%s", what);
	error_host(err, DCODE_NO_VETH);
	return r;
}

/* Its neighbour and multicast messages are not the container's. Before the link is up. */
static void silence_kernel(void)
{
	static const char file[] = "/proc/sys/net/ipv6/conf/" VETH_OUTER "/disable_ipv6";

	/* Without it (no IPv6, a read-only /proc/sys) the filter drops them: they come from
	 * another address than the container's. */
	ignore_result(path_write_text(AT_FDCWD, file, "1"));
}

static int open_packet(unsigned ifindex, struct error *err)
{
	const struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)ifindex,
	};
	const int on = 1, size = RECEIVE_BUFFER;
	_cleanup_(fd_closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return refuse(-errno, "make a packet socket", err);
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		return refuse(-errno, "set PACKET_VNET_HDR", err);
	/* Since Linux 4.20; before, what the kernel sends there by itself would come back. */
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* as much as it gives */
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return refuse(-errno, "bind a packet socket", err);
	return TAKE_FD(fd);
}

int veth_make(int netns_fd, unsigned mtu, struct error *err)
{
	_cleanup_(fd_closep) int sock = -1;
	unsigned ifindex;
	int r;

	if (unshare(CLONE_NEWNET) < 0) {
		r = error_sys(err, "make a network namespace");
		error_host(err, DCODE_NETNS_OFF);
		return r;
	}
	sock = rtnl_open();
	if (sock < 0)
		return error_code(err, sock, "open a netlink socket");
	r = rtnl_add_veth(sock, VETH_OUTER, NETCTL_INTERFACE, netns_fd);
	if (r < 0)
		return refuse(r, "make a veth pair", err);
	ifindex = if_nametoindex(VETH_OUTER);
	if (!ifindex)
		return error_sys(err, "look up the interface " VETH_OUTER);
	silence_kernel();
	/* Up before the bind: a socket that is bound to what is down starts with an error. */
	r = rtnl_link_up(sock, ifindex, mtu);
	if (r < 0)
		return error_code(err, r, "bring up " VETH_OUTER);
	return open_packet(ifindex, err);
}

struct feature_names {
	struct ethtool_gstrings head;
	char name[FEATURES_MAX][ETH_GSTRING_LEN];
};

static int ethtool(int sock, void *request)
{
	struct ifreq ifr = { .ifr_name = NETCTL_INTERFACE, .ifr_data = request };

	return ioctl(sock, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

static int find_feature(const struct feature_names *names, const char *name)
{
	for (unsigned i = 0; i < names->head.len && i < FEATURES_MAX; i++)
		if (strncmp(names->name[i], name, ETH_GSTRING_LEN) == 0)
			return (int)i;
	return -1;
}

/* The kernel takes a set of features only as long as its own, which the list of names tells. */
static int switch_off(int sock, unsigned feature, unsigned n_features)
{
	struct {
		struct ethtool_sfeatures head;
		struct ethtool_set_features_block block[FEATURES_MAX / 32];
	} set = { .head = { .cmd = ETHTOOL_SFEATURES, .size = (n_features + 31) / 32 } };

	set.block[feature / 32].valid = 1U << feature % 32;
	return ethtool(sock, &set);
}

/*
 * A program may hand 64 KiB to UDP_SEGMENT, to be cut into datagrams by the interface: the stack
 * would take them for one.
 */
int veth_set_up(struct error *err)
{
	struct feature_names names = {
		.head = { .cmd = ETHTOOL_GSTRINGS,
			  .string_set = ETH_SS_FEATURES,
			  .len = FEATURES_MAX },
	};
	_cleanup_(fd_closep) int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r, feature;

	if (sock < 0)
		return error_sys(err, "make a socket");
	r = ethtool(sock, &names);
	if (r < 0)
		return error_code(err, r, "list the features of " NETCTL_INTERFACE);
	feature = find_feature(&names, "tx-udp-segmentation");
	if (feature < 0)
		return 0; /* a kernel before 4.18 */
	r = switch_off(sock, (unsigned)feature, names.head.len);
	return r < 0 ? error_code(err, r, "switch off UDP segments of " NETCTL_INTERFACE) : 0;
}
