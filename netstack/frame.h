/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * The frame filter: what a container may say to the network stack behind the tap. Pure functions
 * over (pointer, length). Container root writes any bytes it likes to packet sockets and raw
 * sockets, so everything here is hostile; what passes is what libslirp is known to handle.
 */
enum {
	FRAME_ETH_LEN = 14,
	FRAME_IP4_LEN = 20,
	FRAME_IP6_LEN = 40,
	FRAME_UDP_LEN = 8,
	FRAME_TCP_LEN = 20,
	FRAME_ICMP_LEN = 8,
	FRAME_MAX = FRAME_ETH_LEN + FRAME_IP6_LEN + 65535,
	FRAME_REPLY_MAX = 1514, /* frames that we make ourselves */
	FRAME_QUOTE_MAX = 128,	/* bytes of the refused packet in our ICMP errors */
	FRAME_RESET_MAX = FRAME_ETH_LEN + FRAME_IP6_LEN + FRAME_TCP_LEN,
	FRAME_HEAD_MAX = FRAME_ETH_LEN + FRAME_IP6_LEN + 60,
};

enum frame_ether {
	FRAME_ETHER_IP4 = 0x0800,
	FRAME_ETHER_ARP = 0x0806,
	FRAME_ETHER_IP6 = 0x86dd,
};

enum frame_proto {
	FRAME_ICMP4 = 1,
	FRAME_TCP = 6,
	FRAME_UDP = 17,
	FRAME_FRAGMENT6 = 44,
	FRAME_ICMP6 = 58,
};

enum frame_tcp_flags {
	FRAME_TCP_FIN = 1 << 0,
	FRAME_TCP_SYN = 1 << 1,
	FRAME_TCP_RST = 1 << 2,
	FRAME_TCP_PSH = 1 << 3,
	FRAME_TCP_ACK = 1 << 4,
	FRAME_TCP_URG = 1 << 5,
};

enum frame_verdict {
	FRAME_DROP,	/* silently */
	FRAME_PASS,	/* to libslirp */
	FRAME_REFUSE,	/* answered by frame_make_refusal() */
	FRAME_DNS,	/* UDP to the resolver's address, port 53 */
	FRAME_DNS_TCP,	/* TCP of the same */
	FRAME_PING,	/* echo request to somewhere outside */
	FRAME_FRAGMENT, /* part of a datagram: reassemble, then classify again */
};

/* IPv4 addresses lie in the first four bytes. */
struct frame_addr {
	uint8_t b[16];
};

/* Where things are; offsets from the start of the frame. */
struct frame_info {
	bool is_ip6;
	uint8_t proto;
	uint8_t tcp_flags;
	uint16_t sport, dport; /* TCP and UDP; ICMP echo: identifier and sequence number */
	uint32_t seq, ack;     /* TCP */
	struct frame_addr src, dst;
	size_t l4, payload;
	size_t end; /* of the packet: padding behind it is not part of the frame */
};

/* The addresses of the private network in binary form. */
/* A resolver of the host's. */
struct frame_server {
	bool is_ip6;
	struct frame_addr addr;
};

struct frame_net {
	struct frame_addr net4, gateway4, dns4, guest4;
	struct frame_addr net6, gateway6, dns6, guest6;
};

void frame_net_init(struct frame_net *net);

/* *info is only complete for verdicts other than FRAME_DROP, and for ARP it is all zero but end. */
enum frame_verdict frame_classify(const struct frame_net *net, const uint8_t *frame, size_t len,
				  struct frame_info *info);

/*
 * Clear the URG flag and pointer of a TCP frame, checksum kept right: libslirp's urgent data code
 * reads beyond its buffers (CVE-2026-9539).
 */
void frame_clear_urgent(uint8_t *frame, struct frame_info *info);

/* Replace the source or destination of a TCP packet; both checksums stay right. */
enum frame_side {
	FRAME_SOURCE,
	FRAME_DESTINATION,
};
void frame_set_addr(uint8_t *frame, const struct frame_info *info, enum frame_side side,
		    const struct frame_addr *addr);

/*
 * Headers of a TCP frame that libslirp made; false for anything else. Nothing is judged, the
 * lengths are those of the frame.
 */
bool frame_parse_tcp_out(const uint8_t *frame, size_t len, struct frame_info *info);

/*
 * Is this a frame that libslirp may send to the container? Router advertisements are not: the
 * addresses are static.
 */
bool frame_may_enter(const uint8_t *frame, size_t len);

/*
 * ICMP "destination unreachable" for a packet that came: the application gets an error at once
 * instead of a time-out. Both makers return the length of the frame in buf[FRAME_REPLY_MAX], 0
 * when it does not fit.
 */
enum frame_reason {
	FRAME_PROHIBITED, /* administratively */
	FRAME_NO_ROUTE,
};
size_t frame_make_refusal(const struct frame_net *net, const uint8_t *frame,
			  const struct frame_info *info, enum frame_reason why, uint8_t *buf);
/* A datagram or echo reply in the opposite direction of the one that `info` describes. */
struct frame_reply {
	uint8_t to_mac[6];
	bool is_ip6;
	uint8_t proto; /* FRAME_UDP, FRAME_ICMP4, FRAME_ICMP6: l4 bytes start at the ICMP header */
	struct frame_addr src, dst;
	uint16_t sport, dport; /* UDP */
};
size_t frame_make_reply(const struct frame_reply *r, const void *payload, size_t len, uint8_t *buf);

/* The headers of a TCP packet in the other IP family, up to its payload, which stays as it is; the
 * TCP checksum is the caller's. `head` has room for FRAME_HEAD_MAX. False: too long for that. */
bool frame_change_family(const uint8_t *frame, const struct frame_info *info,
			 const struct frame_addr *src, const struct frame_addr *dst, uint8_t *head,
			 struct frame_info *ret);

/* A reset of the TCP flow of `frame`, as its sender would send it after this packet. */
size_t frame_make_reset(const uint8_t *frame, const struct frame_info *info,
			uint8_t buf[FRAME_RESET_MAX]);

/* Ones' complement sum for l4 checksums (pseudo header and data); 0 for a correct packet. */
uint16_t frame_l4_checksum(const uint8_t *frame, const struct frame_info *info);
/* Sum of the pseudo header alone, not inverted: what a partial checksum holds. */
uint16_t frame_pseudo_sum(const uint8_t *frame, const struct frame_info *info);

static inline uint16_t frame_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t frame_get32(const uint8_t *p)
{
	return (uint32_t)frame_get16(p) << 16 | frame_get16(p + 2);
}

static inline void frame_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Replace the 16-bit word at *word and keep the checksum at *sum right (RFC 1624). */
void frame_patch16(uint8_t *sum, uint8_t *word, uint16_t v);
