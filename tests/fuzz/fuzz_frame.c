/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "frag.h"
#include "frame.h"
#include "split.h"

/* The input is a row of frames, each with its length in two bytes in front. */

/* A right IPv4 header checksum, so that what it protects is reached. */
static void fix_sum(uint8_t *frame, size_t len)
{
	uint32_t sum = 0;

	if (len < 34 || frame_get16(frame + 12) != FRAME_ETHER_IP4)
		return;
	frame_put16(frame + 24, 0);
	for (size_t i = 14; i < 34; i += 2)
		sum += frame_get16(frame + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	frame_put16(frame + 24, (uint16_t)~sum);
}

/* What the rest of the stack relies on. */
static void check(const struct frame_net *net, uint8_t *frame, size_t len, struct frame_info *info,
		  enum frame_verdict v)
{
	uint8_t buf[FRAME_REPLY_MAX];
	size_t n;

	assert(info->end <= len && info->l4 <= info->end && info->payload <= info->end);
	if (v == FRAME_REFUSE || v == FRAME_PING) {
		n = frame_make_refusal(net, frame, info, FRAME_PROHIBITED, buf);
		assert(n > 0 && n <= sizeof(buf));
	}
	if (info->proto != FRAME_TCP || (v != FRAME_PASS && v != FRAME_DNS_TCP))
		return;
	assert(info->payload >= info->l4 + FRAME_TCP_LEN);
	n = frame_make_reset(frame, info, buf);
	assert(n <= FRAME_RESET_MAX);
	frame_clear_urgent(frame, info);
	assert(!(frame[info->l4 + 13] & FRAME_TCP_URG));
	frame_set_addr(frame, info, FRAME_DESTINATION, &net->dns6);
}

/* Whatever libslirp makes of what comes from outside; all of it, each byte once. */
static void cut(const uint8_t *frame, size_t len)
{
	uint8_t head[SPLIT_HEAD_MAX];
	size_t head_len, n, all = 0;
	const uint8_t *data;
	struct split s;

	if (!split_init(&s, frame, len, len / 3, 1))
		return;
	while ((n = split_next(&s, head, &head_len, &data)) > 0) {
		assert(head_len <= sizeof(head) && head_len - FRAME_ETH_LEN + n <= len / 3);
		assert(data == frame + s.l4 + all);
		all += n;
	}
	assert(s.l4 + all == s.end && s.end <= len);
}

static void feed(const struct frame_net *net, struct frag *frag, uint8_t *frame, size_t len)
{
	struct frame_info info, out;
	enum frame_verdict v;

	(void)frame_may_enter(frame, len);
	if (frame_parse_tcp_out(frame, len, &out))
		assert(out.payload <= out.end && out.end == len);
	cut(frame, len);
	fix_sum(frame, len);
	v = frame_classify(net, frame, len, &info);
	if (v == FRAME_FRAGMENT) {
		len = frag_add(frag, frame, &info, 0, &frame);
		if (!len)
			return;
		assert(len <= FRAME_MAX);
		v = frame_classify(net, frame, len, &info);
	}
	if (v != FRAME_DROP && v != FRAME_FRAGMENT)
		check(net, frame, len, &info, v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frag *frag = frag_new();
	struct frame_net net;

	frame_net_init(&net);
	while (size >= 2) {
		size_t len = frame_get16(data);
		uint8_t *copy;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		/* Of its own size: a sanitizer sees the byte behind it. */
		copy = xmalloc(len + !len);
		memcpy(copy, data, len);
		feed(&net, frag, copy, len);
		free(copy);
		data += len;
		size -= len;
	}
	frag_free(frag);
	return 0;
}
