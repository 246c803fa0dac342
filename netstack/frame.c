/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frame.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "netctl.h"

/*
 * Theory of operation
 *
 * A frame passes only if libslirp is known to be safe with it and if its destination is neither the
 * host itself nor something that only the local link should see:
 *   - ARP in its one usual shape; IPv4 without options; IPv6 without extension headers;
 *   - TCP, UDP, and of ICMP only echo requests and IPv6 neighbour discovery;
 *   - the source is the container's address: no spoofing, and the number of flows stays bounded;
 *   - every length field agrees with the bytes that are there.
 * So NC-SI, DHCP, DHCPv6, BOOTP and TFTP servers of libslirp are out of reach (they answer only at
 * the gateway or by multicast), as are its reassembly, its ICMP error parser and its urgent data.
 *
 * Host loopback: libslirp connects from the host's network namespace to whatever the packet says.
 * 127/8, 0/8, ::1, ::, IPv4-mapped and link-local IPv6 addresses would reach the host's own
 * services, so they are refused here and not left to libslirp's disable_host_loopback, which
 * knows the gateway alias only.
 */

static struct frame_addr addr_parse(int family, const char *s)
{
	struct frame_addr a = { 0 };
	int r = inet_pton(family, s, a.b);

	assert(r == 1); /* a constant of netctl.h */
	return a;
}

void frame_net_init(struct frame_net *net)
{
	*net = (struct frame_net){
		.net4 = addr_parse(AF_INET, NETCTL_IPV4_NET),
		.gateway4 = addr_parse(AF_INET, NETCTL_IPV4_GATEWAY),
		.dns4 = addr_parse(AF_INET, NETCTL_IPV4_DNS),
		.guest4 = addr_parse(AF_INET, NETCTL_IPV4_GUEST),
		.net6 = addr_parse(AF_INET6, NETCTL_IPV6_PREFIX),
		.gateway6 = addr_parse(AF_INET6, NETCTL_IPV6_GATEWAY),
		.dns6 = addr_parse(AF_INET6, NETCTL_IPV6_DNS),
		.guest6 = addr_parse(AF_INET6, NETCTL_IPV6_GUEST),
	};
}

static bool addr_equal(bool is_ip6, const struct frame_addr *a, const struct frame_addr *b)
{
	return memcmp(a->b, b->b, is_ip6 ? 16 : 4) == 0;
}

/* --- checksums --- */

/* RFC 1071: the sum may be taken in any word size and byte order, as long as it is folded. */
static uint32_t sum_bytes(uint32_t sum, const uint8_t *p, size_t n)
{
	uint64_t wide = 0;
	uint32_t word;

	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		wide += word;
	}
	word = 0;
	memcpy(&word, p, n);
	wide += word;
	while (wide >> 16)
		wide = (wide & 0xffff) + (wide >> 16);
	sum += ntohs((uint16_t)wide);
	return (sum & 0xffff) + (sum >> 16);
}

uint16_t frame_pseudo_sum(const uint8_t *frame, const struct frame_info *info)
{
	uint32_t sum = (uint32_t)(info->end - info->l4) + info->proto;

	sum = (sum & 0xffff) + (sum >> 16);
	if (info->is_ip6)
		return (uint16_t)sum_bytes(sum, frame + FRAME_ETH_LEN + 8, 32);
	return (uint16_t)sum_bytes(sum, frame + FRAME_ETH_LEN + 12, 8);
}

uint16_t frame_l4_checksum(const uint8_t *frame, const struct frame_info *info)
{
	uint32_t sum = info->proto == FRAME_ICMP4 ? 0 : frame_pseudo_sum(frame, info);

	return (uint16_t)~sum_bytes(sum, frame + info->l4, info->end - info->l4);
}

void frame_patch16(uint8_t *sum, uint8_t *word, uint16_t v)
{
	uint32_t s = (uint16_t)~frame_get16(sum);

	s += (uint16_t)~frame_get16(word);
	s += v;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	frame_put16(word, v);
	frame_put16(sum, (uint16_t)~s);
}

void frame_clear_urgent(uint8_t *frame, struct frame_info *info)
{
	uint8_t *tcp = frame + info->l4;

	if (!(info->tcp_flags & FRAME_TCP_URG) && frame_get16(tcp + 18) == 0)
		return;
	frame_patch16(tcp + 16, tcp + 12, frame_get16(tcp + 12) & (uint16_t)~FRAME_TCP_URG);
	frame_patch16(tcp + 16, tcp + 18, 0);
	info->tcp_flags &= (uint8_t)~FRAME_TCP_URG;
}

void frame_set_addr(uint8_t *frame, const struct frame_info *info, enum frame_side side,
		    const struct frame_addr *addr)
{
	uint8_t *ip = frame + FRAME_ETH_LEN, *tcp_sum = frame + info->l4 + 16;
	size_t n = info->is_ip6 ? 16 : 4, at = info->is_ip6 ? 8 : 12;

	if (side == FRAME_DESTINATION)
		at += n;
	for (size_t i = 0; i < n; i += 2) {
		uint16_t v = frame_get16(addr->b + i), old = frame_get16(ip + at + i);

		frame_patch16(tcp_sum, ip + at + i, v);
		if (info->is_ip6)
			continue;
		frame_put16(ip + at + i, old);
		frame_patch16(ip + 10, ip + at + i, v);
	}
}

bool frame_parse_tcp_out(const uint8_t *frame, size_t len, struct frame_info *info)
{
	const uint8_t *ip = frame + FRAME_ETH_LEN;
	size_t header;

	*info = (struct frame_info){ .proto = FRAME_TCP, .end = len };
	if (len < FRAME_ETH_LEN + FRAME_IP4_LEN + FRAME_TCP_LEN)
		return false;
	switch (frame_get16(frame + 12)) {
	case FRAME_ETHER_IP4:
		if (ip[0] != 0x45 || ip[9] != FRAME_TCP)
			return false;
		info->l4 = FRAME_ETH_LEN + FRAME_IP4_LEN;
		memcpy(info->src.b, ip + 12, 4);
		memcpy(info->dst.b, ip + 16, 4);
		break;
	case FRAME_ETHER_IP6:
		if (ip[6] != FRAME_TCP || len < FRAME_ETH_LEN + FRAME_IP6_LEN + FRAME_TCP_LEN)
			return false;
		info->is_ip6 = true;
		info->l4 = FRAME_ETH_LEN + FRAME_IP6_LEN;
		memcpy(info->src.b, ip + 8, 16);
		memcpy(info->dst.b, ip + 24, 16);
		break;
	default:
		return false;
	}
	header = (size_t)(frame[info->l4 + 12] >> 4) * 4;
	info->sport = frame_get16(frame + info->l4);
	info->dport = frame_get16(frame + info->l4 + 2);
	info->seq = frame_get32(frame + info->l4 + 4);
	info->ack = frame_get32(frame + info->l4 + 8);
	info->tcp_flags = frame[info->l4 + 13];
	info->payload = info->l4 + header;
	return header >= FRAME_TCP_LEN && info->payload <= len;
}

/* --- destinations --- */

static enum frame_verdict place_ip4(const struct frame_net *net, const struct frame_info *info)
{
	const uint8_t *d = info->dst.b;
	bool is_echo = info->proto == FRAME_ICMP4;

	if (d[0] >= 224)
		return FRAME_DROP; /* multicast, reserved, broadcast: never answered */
	if (d[0] == 0 || d[0] == 127)
		return FRAME_REFUSE; /* both are the host itself to connect(2) */
	if (memcmp(d, net->net4.b, 3) != 0)
		return is_echo ? FRAME_PING : FRAME_PASS;
	if (addr_equal(false, &info->dst, &net->dns4) && !is_echo && info->dport == 53)
		return info->proto == FRAME_UDP ? FRAME_DNS : FRAME_DNS_TCP;
	if (is_echo && (addr_equal(false, &info->dst, &net->gateway4) ||
			addr_equal(false, &info->dst, &net->dns4)))
		return FRAME_PASS; /* libslirp answers itself */
	return FRAME_REFUSE;
}

static enum frame_verdict place_ip6(const struct frame_net *net, const struct frame_info *info)
{
	static const uint8_t zero[12];
	const uint8_t *d = info->dst.b;
	bool is_echo = info->proto == FRAME_ICMP6;

	if (d[0] == 0xff)
		return FRAME_DROP;
	/* ::/96 holds ::, ::1 and IPv4-compatible addresses; ::ffff:0:0/96 IPv4-mapped ones. */
	if (memcmp(d, zero, 10) == 0 && ((!d[10] && !d[11]) || (d[10] == 0xff && d[11] == 0xff)))
		return FRAME_REFUSE;
	if (d[0] == 0xfe && (d[1] & 0xc0) == 0x80)
		return FRAME_REFUSE; /* link-local: the host's own addresses among them */
	if (memcmp(d, net->net6.b, NETCTL_IPV6_LEN / 8) != 0)
		return is_echo ? FRAME_PING : FRAME_PASS;
	if (addr_equal(true, &info->dst, &net->dns6) && !is_echo && info->dport == 53)
		return info->proto == FRAME_UDP ? FRAME_DNS : FRAME_DNS_TCP;
	if (is_echo && (addr_equal(true, &info->dst, &net->gateway6) ||
			addr_equal(true, &info->dst, &net->dns6)))
		return FRAME_PASS;
	return FRAME_REFUSE;
}

/* --- transport headers --- */

static bool parse_tcp(const uint8_t *p, size_t n, struct frame_info *info)
{
	size_t header;

	if (n < FRAME_TCP_LEN)
		return false;
	header = (size_t)(p[12] >> 4) * 4;
	if (header < FRAME_TCP_LEN || header > n)
		return false;
	info->sport = frame_get16(p);
	info->dport = frame_get16(p + 2);
	info->seq = frame_get32(p + 4);
	info->ack = frame_get32(p + 8);
	info->tcp_flags = p[13];
	info->payload = info->l4 + header;
	return info->sport && info->dport;
}

static bool parse_udp(const uint8_t *p, size_t n, struct frame_info *info)
{
	if (n < FRAME_UDP_LEN || frame_get16(p + 4) != n)
		return false;
	info->sport = frame_get16(p);
	info->dport = frame_get16(p + 2);
	info->payload = info->l4 + FRAME_UDP_LEN;
	return info->sport && info->dport;
}

static bool parse_echo(const uint8_t *p, size_t n, uint8_t type, struct frame_info *info)
{
	if (n < FRAME_ICMP_LEN || p[0] != type || p[1] != 0)
		return false;
	info->sport = frame_get16(p + 4);
	info->dport = frame_get16(p + 6);
	info->payload = info->l4 + FRAME_ICMP_LEN;
	return true;
}

/* Neighbour solicitation and advertisement; the caller has seen that the addresses are sane. */
static bool is_neighbour(const uint8_t *p, size_t n)
{
	return n >= 24 && (p[0] == 135 || p[0] == 136) && p[1] == 0;
}

static bool parse_l4(const uint8_t *p, size_t n, struct frame_info *info)
{
	switch (info->proto) {
	case FRAME_TCP:
		return parse_tcp(p, n, info);
	case FRAME_UDP:
		return parse_udp(p, n, info);
	case FRAME_ICMP4:
		return !info->is_ip6 && parse_echo(p, n, 8, info);
	case FRAME_ICMP6:
		return info->is_ip6 && parse_echo(p, n, 128, info);
	default:
		return false;
	}
}

/* --- network headers --- */

static enum frame_verdict classify_arp(const struct frame_net *net, const uint8_t *frame,
				       size_t len, struct frame_info *info)
{
	static const uint8_t ethernet_ip4[6] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *p = frame + FRAME_ETH_LEN;
	unsigned op;

	if (len < FRAME_ETH_LEN + 28 || memcmp(p, ethernet_ip4, sizeof(ethernet_ip4)) != 0)
		return FRAME_DROP;
	op = frame_get16(p + 6);
	if ((op != 1 && op != 2) || memcmp(p + 14, net->guest4.b, 4) != 0)
		return FRAME_DROP;
	info->end = FRAME_ETH_LEN + 28;
	return FRAME_PASS;
}

static enum frame_verdict classify_ip4(const struct frame_net *net, const uint8_t *frame,
				       size_t len, struct frame_info *info)
{
	const uint8_t *p = frame + FRAME_ETH_LEN;
	size_t total;

	if (len < FRAME_ETH_LEN + FRAME_IP4_LEN || p[0] != 0x45)
		return FRAME_DROP;
	total = frame_get16(p + 2);
	if (total < FRAME_IP4_LEN || total > len - FRAME_ETH_LEN)
		return FRAME_DROP;
	if (sum_bytes(0, p, FRAME_IP4_LEN) != 0xffff)
		return FRAME_DROP;
	info->proto = p[9];
	memcpy(info->src.b, p + 12, 4);
	memcpy(info->dst.b, p + 16, 4);
	info->l4 = FRAME_ETH_LEN + FRAME_IP4_LEN;
	info->end = FRAME_ETH_LEN + total;
	if (!addr_equal(false, &info->src, &net->guest4))
		return FRAME_DROP;
	if (frame_get16(p + 6) & 0x3fff)
		return FRAME_FRAGMENT;
	if (!parse_l4(frame + info->l4, total - FRAME_IP4_LEN, info))
		return FRAME_DROP;
	return place_ip4(net, info);
}

static enum frame_verdict classify_ip6(const struct frame_net *net, const uint8_t *frame,
				       size_t len, struct frame_info *info)
{
	const uint8_t *p = frame + FRAME_ETH_LEN;
	size_t total;

	if (len < FRAME_ETH_LEN + FRAME_IP6_LEN || p[0] >> 4 != 6)
		return FRAME_DROP;
	total = frame_get16(p + 4);
	if (!total || total > len - FRAME_ETH_LEN - FRAME_IP6_LEN)
		return FRAME_DROP;
	info->is_ip6 = true;
	info->proto = p[6];
	memcpy(info->src.b, p + 8, 16);
	memcpy(info->dst.b, p + 24, 16);
	info->l4 = FRAME_ETH_LEN + FRAME_IP6_LEN;
	info->end = info->l4 + total;
	if (info->proto == FRAME_ICMP6 && is_neighbour(frame + info->l4, total)) {
		/* Unicast only from our own or a link-local address; 255 = it was not routed. */
		bool local = p[8] == 0xfe && (p[9] & 0xc0) == 0x80;

		return p[7] == 255 && (local || addr_equal(true, &info->src, &net->guest6))
			       ? FRAME_PASS
			       : FRAME_DROP;
	}
	if (!addr_equal(true, &info->src, &net->guest6))
		return FRAME_DROP;
	if (info->proto == FRAME_FRAGMENT6)
		return FRAME_FRAGMENT;
	if (!parse_l4(frame + info->l4, total, info))
		return FRAME_DROP;
	return place_ip6(net, info);
}

enum frame_verdict frame_classify(const struct frame_net *net, const uint8_t *frame, size_t len,
				  struct frame_info *info)
{
	*info = (struct frame_info){ 0 };
	if (len < FRAME_ETH_LEN || len > FRAME_MAX)
		return FRAME_DROP;
	switch (frame_get16(frame + 12)) {
	case FRAME_ETHER_ARP:
		return classify_arp(net, frame, len, info);
	case FRAME_ETHER_IP4:
		return classify_ip4(net, frame, len, info);
	case FRAME_ETHER_IP6:
		return classify_ip6(net, frame, len, info);
	default:
		return FRAME_DROP;
	}
}

bool frame_may_enter(const uint8_t *frame, size_t len)
{
	const uint8_t *p = frame + FRAME_ETH_LEN;

	if (len < FRAME_ETH_LEN + FRAME_IP4_LEN)
		return false;
	switch (frame_get16(frame + 12)) {
	case FRAME_ETHER_ARP:
	case FRAME_ETHER_IP4:
		return true;
	case FRAME_ETHER_IP6:
		return len > FRAME_ETH_LEN + FRAME_IP6_LEN &&
		       !(p[6] == FRAME_ICMP6 && p[FRAME_IP6_LEN] == 134);
	default:
		return false;
	}
}

/* --- frames of our own --- */

/* Any locally administered address does: the container's ARP table is not consulted for input. */
static const uint8_t our_mac[6] = { 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02 };

static void put_ip4(uint8_t *p, const struct frame_reply *r, size_t l4_len)
{
	static const uint8_t head[12] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64 };

	memcpy(p, head, sizeof(head));
	p[9] = r->proto;
	frame_put16(p + 2, (uint16_t)(FRAME_IP4_LEN + l4_len));
	memcpy(p + 12, r->src.b, 4);
	memcpy(p + 16, r->dst.b, 4);
	frame_put16(p + 10, (uint16_t)~sum_bytes(0, p, FRAME_IP4_LEN));
}

static void put_ip6(uint8_t *p, const struct frame_reply *r, size_t l4_len)
{
	static const uint8_t head[8] = { 0x60, 0, 0, 0, 0, 0, 0, 64 };

	memcpy(p, head, sizeof(head));
	frame_put16(p + 4, (uint16_t)l4_len);
	p[6] = r->proto;
	memcpy(p + 8, r->src.b, 16);
	memcpy(p + 24, r->dst.b, 16);
}

size_t frame_make_reply(const struct frame_reply *r, const void *payload, size_t len, uint8_t *buf)
{
	struct frame_info info = { .is_ip6 = r->is_ip6, .proto = r->proto };
	size_t extra = r->proto == FRAME_UDP ? FRAME_UDP_LEN : 0, sum_at;
	uint8_t *l4;
	uint16_t sum;

	info.l4 = FRAME_ETH_LEN + (r->is_ip6 ? FRAME_IP6_LEN : FRAME_IP4_LEN);
	if (len > FRAME_REPLY_MAX - info.l4 - extra || extra + len < FRAME_ICMP_LEN)
		return 0;
	info.end = info.l4 + extra + len;
	memcpy(buf, r->to_mac, 6);
	memcpy(buf + 6, our_mac, 6);
	frame_put16(buf + 12, r->is_ip6 ? FRAME_ETHER_IP6 : FRAME_ETHER_IP4);
	if (r->is_ip6)
		put_ip6(buf + FRAME_ETH_LEN, r, extra + len);
	else
		put_ip4(buf + FRAME_ETH_LEN, r, extra + len);
	l4 = buf + info.l4;
	memcpy(l4 + extra, payload, len);
	if (r->proto == FRAME_UDP) {
		frame_put16(l4, r->sport);
		frame_put16(l4 + 2, r->dport);
		frame_put16(l4 + 4, (uint16_t)(extra + len));
	}
	sum_at = r->proto == FRAME_UDP ? 6 : 2;
	frame_put16(l4 + sum_at, 0);
	sum = frame_l4_checksum(buf, &info);
	frame_put16(l4 + sum_at, sum || r->proto != FRAME_UDP ? sum : 0xffff);
	return info.end;
}

size_t frame_make_refusal(const struct frame_net *net, const uint8_t *frame,
			  const struct frame_info *info, enum frame_reason why, uint8_t *buf)
{
	uint8_t icmp[FRAME_ICMP_LEN + FRAME_QUOTE_MAX] = { 0 };
	size_t quote = info->end - FRAME_ETH_LEN;
	struct frame_reply r = {
		.is_ip6 = info->is_ip6,
		.proto = info->is_ip6 ? FRAME_ICMP6 : FRAME_ICMP4,
		.src = info->is_ip6 ? net->gateway6 : net->gateway4,
		.dst = info->src,
	};

	icmp[0] = info->is_ip6 ? 1 : 3;
	if (why == FRAME_PROHIBITED)
		icmp[1] = info->is_ip6 ? 1 : 13;
	if (quote > FRAME_QUOTE_MAX)
		quote = FRAME_QUOTE_MAX;
	memcpy(icmp + FRAME_ICMP_LEN, frame + FRAME_ETH_LEN, quote);
	memcpy(r.to_mac, frame + 6, sizeof(r.to_mac));
	return frame_make_reply(&r, icmp, FRAME_ICMP_LEN + quote, buf);
}

bool frame_change_family(const uint8_t *frame, const struct frame_info *info,
			 const struct frame_addr *src, const struct frame_addr *dst, uint8_t *head,
			 struct frame_info *ret)
{
	size_t l4_len = info->end - info->l4, tcp = info->payload - info->l4;
	struct frame_info r = *info;
	struct frame_reply ip = {
		.is_ip6 = !info->is_ip6, .proto = info->proto, .src = *src, .dst = *dst
	};

	r.is_ip6 = ip.is_ip6;
	r.l4 = FRAME_ETH_LEN + (r.is_ip6 ? FRAME_IP6_LEN : FRAME_IP4_LEN);
	r.payload = r.l4 + tcp;
	r.end = r.l4 + l4_len;
	r.src = *src;
	r.dst = *dst;
	if (FRAME_IP4_LEN + l4_len > UINT16_MAX)
		return false;
	memcpy(head, frame, 12);
	frame_put16(head + 12, r.is_ip6 ? FRAME_ETHER_IP6 : FRAME_ETHER_IP4);
	if (r.is_ip6)
		put_ip6(head + FRAME_ETH_LEN, &ip, l4_len);
	else
		put_ip4(head + FRAME_ETH_LEN, &ip, l4_len);
	memcpy(head + r.l4, frame + info->l4, tcp);
	*ret = r;
	return true;
}

size_t frame_make_reset(const uint8_t *frame, const struct frame_info *info,
			uint8_t buf[FRAME_RESET_MAX])
{
	struct frame_info out = *info;
	uint32_t seq = info->seq + (uint32_t)(info->end - info->payload);
	uint8_t *ip = buf + FRAME_ETH_LEN, *tcp = buf + info->l4;

	seq += !!(info->tcp_flags & FRAME_TCP_FIN) + !!(info->tcp_flags & FRAME_TCP_SYN);
	memcpy(buf, frame, info->l4 + FRAME_TCP_LEN);
	out.end = info->l4 + FRAME_TCP_LEN;
	if (info->is_ip6)
		frame_put16(ip + 4, FRAME_TCP_LEN);
	else
		frame_patch16(ip + 10, ip + 2, FRAME_IP4_LEN + FRAME_TCP_LEN);
	frame_put16(tcp + 4, (uint16_t)(seq >> 16));
	frame_put16(tcp + 6, (uint16_t)seq);
	tcp[12] = FRAME_TCP_LEN / 4 << 4;
	tcp[13] = FRAME_TCP_RST;
	frame_put16(tcp + 16, 0);
	frame_put16(tcp + 18, 0);
	frame_put16(tcp + 16, frame_l4_checksum(buf, &out));
	return out.end;
}
