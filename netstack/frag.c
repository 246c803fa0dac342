/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frag.h"

#include <string.h>

enum {
	BLOCK = 8,
	BLOCKS = FRAG_DATA_MAX / BLOCK + 1,
	FRAG6_LEN = 8,
};

struct slot {
	bool used, is_ip6;
	uint8_t proto;
	uint32_t id;
	struct frame_addr dst; /* the source is the container in any case */
	int64_t since_ms;
	size_t have, highest, total; /* bytes; total 0: the last fragment has not come */
	uint8_t seen[BLOCKS / 8 + 1];
	uint8_t head[FRAME_ETH_LEN + FRAME_IP6_LEN]; /* of the first fragment in time */
	uint8_t data[FRAG_DATA_MAX];
};

struct frag {
	struct slot slots[FRAG_SLOTS];
	uint8_t out[FRAME_MAX];
};

/* What a fragment says of itself. */
struct piece {
	uint32_t id;
	uint8_t proto;
	bool more;
	size_t offset, len;
	const uint8_t *data;
};

struct frag *frag_new(void)
{
	return xcalloc(1, sizeof(struct frag));
}

void frag_free(struct frag *f)
{
	free(f);
}

static bool piece_parse(const uint8_t *frame, const struct frame_info *info, struct piece *p)
{
	const uint8_t *ip = frame + FRAME_ETH_LEN, *h = frame + info->l4;
	unsigned field;

	p->len = info->end - info->l4;
	if (info->is_ip6) {
		if (p->len <= FRAG6_LEN)
			return false;
		field = frame_get16(h + 2);
		p->proto = h[0];
		p->id = frame_get32(h + 4);
		p->more = field & 1;
		p->offset = field & 0xfff8;
		p->data = h + FRAG6_LEN;
		p->len -= FRAG6_LEN;
	} else {
		field = frame_get16(ip + 6);
		p->proto = info->proto;
		p->id = frame_get16(ip + 4);
		p->more = field & 0x2000;
		p->offset = (size_t)(field & 0x1fff) * BLOCK;
		p->data = h;
	}
	if (!p->len || (p->more && p->len % BLOCK))
		return false;
	return p->offset + p->len <= FRAG_DATA_MAX - (info->is_ip6 ? 0 : FRAME_IP4_LEN);
}

static struct slot *slot_find(struct frag *f, const struct frame_info *info, const struct piece *p,
			      int64_t now_ms)
{
	struct slot *best = &f->slots[0];

	for (unsigned i = 0; i < FRAG_SLOTS; i++) {
		struct slot *s = &f->slots[i];

		if (s->used && now_ms - s->since_ms > FRAG_LIFE_MS)
			s->used = false;
		if (s->used && s->is_ip6 == info->is_ip6 && s->id == p->id &&
		    s->proto == p->proto && memcmp(s->dst.b, info->dst.b, sizeof(s->dst.b)) == 0)
			return s;
		if (best->used && (!s->used || s->since_ms < best->since_ms))
			best = s;
	}
	best->used = false;
	return best;
}

static void slot_begin(struct slot *s, const uint8_t *frame, const struct frame_info *info,
		       const struct piece *p, int64_t now_ms)
{
	s->used = true;
	s->is_ip6 = info->is_ip6;
	s->proto = p->proto;
	s->id = p->id;
	s->dst = info->dst;
	s->since_ms = now_ms;
	s->have = s->highest = s->total = 0;
	memset(s->seen, 0, sizeof(s->seen));
	memcpy(s->head, frame, info->l4);
}

/* False when the fragment contradicts the others. */
static bool slot_put(struct slot *s, const struct piece *p)
{
	size_t end = p->offset + p->len;

	if (s->total && (end > s->total || !p->more))
		return false;
	if (!p->more && end < s->highest)
		return false;
	for (size_t b = p->offset / BLOCK; b < (end + BLOCK - 1) / BLOCK; b++) {
		if (s->seen[b / 8] & 1u << b % 8)
			return false;
		s->seen[b / 8] |= (uint8_t)(1u << b % 8);
	}
	memcpy(s->data + p->offset, p->data, p->len);
	s->have += p->len;
	if (end > s->highest)
		s->highest = end;
	if (!p->more)
		s->total = end;
	return true;
}

static size_t slot_finish(const struct slot *s, uint8_t *out)
{
	uint8_t *ip = out + FRAME_ETH_LEN;
	size_t l4 = FRAME_ETH_LEN + (s->is_ip6 ? FRAME_IP6_LEN : FRAME_IP4_LEN);

	memcpy(out, s->head, l4);
	memcpy(out + l4, s->data, s->total);
	if (s->is_ip6) {
		ip[6] = s->proto;
		frame_put16(ip + 4, (uint16_t)s->total);
	} else {
		frame_patch16(ip + 10, ip + 6, 0);
		frame_patch16(ip + 10, ip + 2, (uint16_t)(FRAME_IP4_LEN + s->total));
	}
	return l4 + s->total;
}

size_t frag_add(struct frag *f, const uint8_t *frame, const struct frame_info *info, int64_t now_ms,
		uint8_t **ret_frame)
{
	struct piece p = { 0 };
	struct slot *s;

	if (!piece_parse(frame, info, &p))
		return 0;
	s = slot_find(f, info, &p, now_ms);
	if (!s->used)
		slot_begin(s, frame, info, &p, now_ms);
	if (!slot_put(s, &p)) {
		s->used = false;
		return 0;
	}
	if (!s->total || s->have != s->total)
		return 0;
	s->used = false;
	*ret_frame = f->out;
	return slot_finish(s, f->out);
}
