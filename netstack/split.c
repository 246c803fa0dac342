/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "split.h"

#include <string.h>

enum {
	FRAG6_LEN = 8,
	MORE4 = 0x2000,
	OFFSET4 = 0x1fff, /* in units of 8 bytes */
};

static bool init_ip4(struct split *s, size_t len)
{
	const uint8_t *ip = s->frame + FRAME_ETH_LEN;
	size_t head = (size_t)(ip[0] & 0xf) * 4, total = frame_get16(ip + 2);

	if (ip[0] >> 4 != 4 || head < FRAME_IP4_LEN || total <= head || FRAME_ETH_LEN + total > len)
		return false;
	s->l4 = FRAME_ETH_LEN + head;
	s->end = FRAME_ETH_LEN + total;
	return ip[9] != FRAME_TCP;
}

static bool init_ip6(struct split *s, size_t len)
{
	const uint8_t *ip = s->frame + FRAME_ETH_LEN;
	size_t total = FRAME_IP6_LEN + (size_t)frame_get16(ip + 4);

	if (FRAME_ETH_LEN + total > len)
		return false;
	s->l4 = FRAME_ETH_LEN + FRAME_IP6_LEN;
	s->end = FRAME_ETH_LEN + total;
	/* A header that is not the last one would have to stay in front of the fragment's. */
	return ip[6] == FRAME_UDP || ip[6] == FRAME_ICMP6;
}

bool split_init(struct split *s, const uint8_t *frame, size_t len, size_t mtu, uint32_t id)
{
	size_t in_front;
	bool can;

	if (len <= FRAME_ETH_LEN + mtu || len < FRAME_ETH_LEN + FRAME_IP6_LEN)
		return false;
	*s = (struct split){ .frame = frame, .id = id };
	s->is_ip6 = frame_get16(frame + 12) == FRAME_ETHER_IP6;
	if (s->is_ip6)
		can = init_ip6(s, len);
	else
		can = frame_get16(frame + 12) == FRAME_ETHER_IP4 && init_ip4(s, len);
	if (!can || s->end <= FRAME_ETH_LEN + mtu)
		return false;
	in_front = s->l4 - FRAME_ETH_LEN + (s->is_ip6 ? FRAG6_LEN : 0);
	if (mtu < in_front + 8)
		return false;
	s->room = (mtu - in_front) / 8 * 8;
	s->at = s->l4;
	return true;
}

/* It may be a fragment itself: its place and its "more" count on. */
static void head_ip4(const struct split *s, uint8_t *head, size_t n)
{
	uint8_t *ip = head + FRAME_ETH_LEN;
	uint16_t field = frame_get16(ip + 6);
	uint16_t more = s->at + n < s->end ? MORE4 : field & MORE4;

	frame_patch16(ip + 10, ip + 2, (uint16_t)(s->l4 - FRAME_ETH_LEN + n));
	frame_patch16(ip + 10, ip + 6,
		      (uint16_t)(((field & OFFSET4) + (s->at - s->l4) / 8) | more));
}

static void head_ip6(const struct split *s, uint8_t *head, size_t n)
{
	uint8_t *ip = head + FRAME_ETH_LEN, *h = head + s->l4;
	bool more = s->at + n < s->end;

	h[0] = ip[6];
	h[1] = 0;
	frame_put16(h + 2, (uint16_t)((s->at - s->l4) | more));
	frame_put16(h + 4, (uint16_t)(s->id >> 16));
	frame_put16(h + 6, (uint16_t)s->id);
	ip[6] = FRAME_FRAGMENT6;
	frame_put16(ip + 4, (uint16_t)(FRAG6_LEN + n));
}

size_t split_next(struct split *s, uint8_t head[SPLIT_HEAD_MAX], size_t *ret_head_len,
		  const uint8_t **ret_data)
{
	size_t n = s->end - s->at;

	if (n > s->room)
		n = s->room;
	if (!n)
		return 0;
	memcpy(head, s->frame, s->l4);
	if (s->is_ip6)
		head_ip6(s, head, n);
	else
		head_ip4(s, head, n);
	*ret_head_len = s->l4 + (s->is_ip6 ? FRAG6_LEN : 0);
	*ret_data = s->frame + s->at;
	s->at += n;
	return n;
}
