/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ping.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

struct flow {
	int fd; /* -1 = free */
	int index;
	bool is_ip6;
	uint16_t id; /* the container's; the kernel gives the socket another one */
	uint8_t mac[6];
	struct frame_addr client;
	int64_t last_ms;
};

struct ping {
	const struct frame_net *net;
	ping_send send;
	void *data;
	struct flow flows[PING_FLOWS_MAX];
};

struct ping *ping_new(const struct frame_net *net, ping_send send, void *data)
{
	struct ping *ping = xcalloc(1, sizeof(*ping));

	*ping = (struct ping){ .net = net, .send = send, .data = data };
	for (unsigned i = 0; i < PING_FLOWS_MAX; i++)
		ping->flows[i].fd = -1;
	return ping;
}

static void flow_end(struct flow *f)
{
	fd_close(f->fd);
	f->fd = -1;
}

void ping_free(struct ping *ping)
{
	if (!ping)
		return;
	for (unsigned i = 0; i < PING_FLOWS_MAX; i++)
		flow_end(&ping->flows[i]);
	free(ping);
}

/* The flow of this identifier, else a free slot, else the one that was idle longest. */
static struct flow *flow_find(struct ping *ping, const struct frame_info *info)
{
	struct flow *best = &ping->flows[0];

	for (unsigned i = 0; i < PING_FLOWS_MAX; i++) {
		struct flow *f = &ping->flows[i];

		if (f->fd >= 0 && f->is_ip6 == info->is_ip6 && f->id == info->sport)
			return f;
		if (best->fd >= 0 && (f->fd < 0 || f->last_ms < best->last_ms))
			best = f;
	}
	flow_end(best);
	/* #syscalls: socket */
	best->fd =
		socket(info->is_ip6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       info->is_ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (best->fd < 0)
		return NULL;
	best->is_ip6 = info->is_ip6;
	best->id = info->sport;
	best->index = -1;
	return best;
}

static int flow_send(const struct flow *f, const uint8_t *frame, const struct frame_info *info)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	const void *to = f->is_ip6 ? (const void *)&in6 : &in;
	ssize_t n;

	memcpy(&in6.sin6_addr, info->dst.b, 16);
	memcpy(&in.sin_addr, info->dst.b, 4);
	/* #syscalls: sendto */
	n = sendto(f->fd, frame + info->l4, info->end - info->l4, MSG_NOSIGNAL, to,
		   f->is_ip6 ? sizeof(in6) : sizeof(in));
	return n < 0 ? -errno : 0;
}

void ping_request(struct ping *ping, const uint8_t *frame, const struct frame_info *info,
		  int64_t now_ms)
{
	enum frame_reason why = FRAME_PROHIBITED;
	uint8_t buf[FRAME_REPLY_MAX];
	struct flow *f = flow_find(ping, info);
	size_t n;

	if (f) {
		int r;

		memcpy(f->mac, frame + 6, sizeof(f->mac));
		f->client = info->src;
		f->last_ms = now_ms;
		r = flow_send(f, frame, info);
		if (r != -ENETUNREACH && r != -EHOSTUNREACH && r != -EACCES && r != -EPERM)
			return; /* sent, or lost as packets may be */
		if (r == -ENETUNREACH || r == -EHOSTUNREACH)
			why = FRAME_NO_ROUTE;
	}
	n = frame_make_refusal(ping->net, frame, info, why, buf);
	if (n)
		ping->send(buf, n, ping->data);
}

void ping_fill(struct ping *ping, struct pollset *ps)
{
	for (unsigned i = 0; i < PING_FLOWS_MAX; i++) {
		struct flow *f = &ping->flows[i];

		if (f->fd < 0)
			continue;
		f->index = pollset_add(ps, f->fd, POLLIN);
		pollset_wake_at(ps, f->last_ms + PING_IDLE_MS);
	}
}

/* The socket gives the ICMP message without an IP header. */
static void flow_receive(struct ping *ping, struct flow *f)
{
	uint8_t msg[FRAME_REPLY_MAX], frame[FRAME_REPLY_MAX];
	struct frame_reply r = { .is_ip6 = f->is_ip6, .dst = f->client };
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} from = { .sa = { 0 } };
	socklen_t from_len = sizeof(from);
	ssize_t n;
	size_t len;

	/* #syscalls: recvfrom */
	n = recvfrom(f->fd, msg, sizeof(msg), MSG_DONTWAIT, &from.sa, &from_len);
	if (n < FRAME_ICMP_LEN || msg[0] != (f->is_ip6 ? 129 : 0))
		return;
	r.proto = f->is_ip6 ? FRAME_ICMP6 : FRAME_ICMP4;
	if (f->is_ip6)
		memcpy(r.src.b, &from.in6.sin6_addr, 16);
	else
		memcpy(r.src.b, &from.in.sin_addr, 4);
	memcpy(r.to_mac, f->mac, sizeof(r.to_mac));
	frame_put16(msg + 4, f->id);
	len = frame_make_reply(&r, msg, (size_t)n, frame);
	if (len)
		ping->send(frame, len, ping->data);
}

void ping_poll(struct ping *ping, const struct pollset *ps)
{
	for (unsigned i = 0; i < PING_FLOWS_MAX; i++) {
		struct flow *f = &ping->flows[i];

		if (f->fd < 0)
			continue;
		if (pollset_revents(ps, f->index))
			flow_receive(ping, f);
		else if (ps->now_ms >= f->last_ms + PING_IDLE_MS)
			flow_end(f);
		f->index = -1;
	}
}
