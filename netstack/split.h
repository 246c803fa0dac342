/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "frame.h"

/*
 * Fragments of a datagram for an interface that takes no packet beyond its MTU (a veth pair; a tap
 * takes any). libslirp, whose own MTU is larger, has none for IPv6 and too large ones for IPv4.
 * Pure; nothing is copied but headers.
 */
enum {
	SPLIT_HEAD_MAX = FRAME_ETH_LEN + 60 + 8,
};

struct split {
	const uint8_t *frame;
	size_t end;  /* of the packet in the frame */
	size_t l4;   /* where what is split begins */
	size_t at;   /* what comes next */
	size_t room; /* bytes of each fragment but the last, a multiple of 8 */
	uint32_t id; /* IPv6 */
	bool is_ip6;
};

/*
 * False: it is no IP datagram, or has room in mtu, or cannot be split (TCP never is). id: of this
 * datagram, for IPv6; an IPv4 datagram has one already.
 */
bool split_init(struct split *s, const uint8_t *frame, size_t len, size_t mtu, uint32_t id);
/* The next fragment: its headers into head, its data borrowed from the frame. Returns the length of
 * the data, 0 at the end. */
size_t split_next(struct split *s, uint8_t head[SPLIT_HEAD_MAX], size_t *ret_head_len,
		  const uint8_t **ret_data);
