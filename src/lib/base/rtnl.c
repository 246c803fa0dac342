/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/rtnl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	} body;
	uint8_t room[192];
};

int rtnl_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static struct request request_new(uint16_t type, size_t body_len, uint16_t flags)
{
	return (struct request){
		.head = { .nlmsg_type = type,
			  .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
			  .nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len) },
	};
}

static void *request_tail(struct request *q)
{
	return (uint8_t *)q + NLMSG_ALIGN(q->head.nlmsg_len);
}

static void request_add(struct request *q, uint16_t type, const void *p, size_t n)
{
	struct rtattr *a = request_tail(q);

	*a = (struct rtattr){ .rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(n) };
	if (n)
		memcpy(RTA_DATA(a), p, n);
	q->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* An attribute whose value is what is added until request_close(); it begins with n bytes of p. */
static struct rtattr *request_open(struct request *q, uint16_t type, const void *p, size_t n)
{
	struct rtattr *a = request_tail(q);

	request_add(q, type, p, n);
	return a;
}

static void request_close(struct request *q, struct rtattr *a)
{
	a->rta_len = (uint16_t)((uint8_t *)request_tail(q) - (uint8_t *)a);
}

static int request_run(int sock, const struct request *q)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		uint8_t room[512];
	} answer;
	ssize_t n;

	if (send(sock, q, q->head.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(sock, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(answer.head) + sizeof(answer.err) ||
	    answer.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.err.error;
}

int rtnl_link_up(int sock, unsigned ifindex, unsigned mtu)
{
	struct request q = request_new(RTM_NEWLINK, sizeof(q.body.link), 0);
	uint32_t value = mtu;

	q.body.link = (struct ifinfomsg){
		.ifi_family = AF_UNSPEC,
		.ifi_index = (int)ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	if (mtu)
		request_add(&q, IFLA_MTU, &value, sizeof(value));
	return request_run(sock, &q);
}

static size_t family_len(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

int rtnl_add_address(int sock, unsigned ifindex, int family, const void *addr, unsigned prefix_len)
{
	struct request q = request_new(RTM_NEWADDR, sizeof(q.body.addr), NLM_F_CREATE | NLM_F_EXCL);

	q.body.addr = (struct ifaddrmsg){
		.ifa_family = (uint8_t)family,
		.ifa_prefixlen = (uint8_t)prefix_len,
		.ifa_index = ifindex,
		/* Nobody else is on this link: duplicate detection only costs a second. */
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
	};
	request_add(&q, IFA_LOCAL, addr, family_len(family));
	request_add(&q, IFA_ADDRESS, addr, family_len(family));
	return request_run(sock, &q);
}

int rtnl_add_default_route(int sock, unsigned ifindex, int family, const void *gateway)
{
	struct request q =
		request_new(RTM_NEWROUTE, sizeof(q.body.route), NLM_F_CREATE | NLM_F_EXCL);
	uint32_t oif = ifindex;

	q.body.route = (struct rtmsg){
		.rtm_family = (uint8_t)family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	request_add(&q, RTA_GATEWAY, gateway, family_len(family));
	request_add(&q, RTA_OIF, &oif, sizeof(oif));
	return request_run(sock, &q);
}

int rtnl_add_veth(int sock, const char *name, const char *peer, int peer_netns)
{
	struct request q = request_new(RTM_NEWLINK, sizeof(q.body.link), NLM_F_CREATE | NLM_F_EXCL);
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct rtattr *info, *data, *other;

	if (strlen(name) >= IF_NAMESIZE || strlen(peer) >= IF_NAMESIZE)
		return -ENAMETOOLONG;
	q.body.link = link;
	request_add(&q, IFLA_IFNAME, name, strlen(name) + 1);
	info = request_open(&q, IFLA_LINKINFO, NULL, 0);
	request_add(&q, IFLA_INFO_KIND, "veth", strlen("veth"));
	data = request_open(&q, IFLA_INFO_DATA, NULL, 0);
	other = request_open(&q, VETH_INFO_PEER, &link, sizeof(link));
	request_add(&q, IFLA_IFNAME, peer, strlen(peer) + 1);
	if (peer_netns >= 0)
		request_add(&q, IFLA_NET_NS_FD, &peer_netns, sizeof(peer_netns));
	request_close(&q, other);
	request_close(&q, data);
	request_close(&q, info);
	return request_run(sock, &q);
}
