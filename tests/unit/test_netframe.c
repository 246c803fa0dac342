/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "frag.h"
#include "frame.h"
#include "split.h"

struct maker {
	uint8_t b[FRAME_REPLY_MAX];
	size_t len;
};

static struct frame_addr addr(bool is_ip6, const char *s)
{
	struct frame_addr a = { 0 };

	assert_int_equal(inet_pton(is_ip6 ? AF_INET6 : AF_INET, s, a.b), 1);
	return a;
}

/* A correct packet from the container: frame_make_reply() knows no direction. */
static struct maker make(const char *dst, uint8_t proto, const void *l4, size_t n)
{
	bool is_ip6 = strchr(dst, ':') != NULL;
	struct frame_reply r = {
		.is_ip6 = is_ip6,
		.proto = proto,
		.src = addr(is_ip6, is_ip6 ? "fd00::100" : "10.0.2.100"),
		.dst = addr(is_ip6, dst),
		.sport = 40000,
		.dport = 53,
	};
	struct maker m = { .len = 0 };

	m.len = frame_make_reply(&r, l4, n, m.b);
	assert_true(m.len > 0);
	return m;
}

static void l4_sum(struct maker *m, size_t at)
{
	struct frame_info info = { .is_ip6 = frame_get16(m->b + 12) == FRAME_ETHER_IP6,
				   .end = m->len };

	info.proto = info.is_ip6 ? m->b[20] : m->b[23];
	info.l4 = info.is_ip6 ? 54 : 34;
	frame_put16(m->b + info.l4 + at, 0);
	frame_put16(m->b + info.l4 + at, frame_l4_checksum(m->b, &info));
}

static struct maker make_tcp(const char *dst, uint16_t port, uint8_t flags)
{
	uint8_t tcp[32] = { 0x9c, 0x40, [12] = 0x50, [13] = flags };
	struct maker m;

	m = make(dst, FRAME_TCP, tcp, sizeof(tcp));
	/* The maker takes everything but UDP for ICMP, whose checksum lies here. */
	frame_put16(m.b + (strchr(dst, ':') ? 54 : 34) + 2, port);
	l4_sum(&m, 16);
	return m;
}

static enum frame_verdict judge(const struct maker *m, struct frame_info *info)
{
	struct frame_net net;

	frame_net_init(&net);
	return frame_classify(&net, m->b, m->len, info);
}

struct place {
	const char *dst;
	uint16_t port;
	enum frame_verdict tcp;
};

static void destinations_of_the_host_are_refused(void **state _unused_)
{
	static const struct place places[] = {
		{ "192.0.2.1", 80, FRAME_PASS },
		{ "10.0.3.1", 80, FRAME_PASS },
		{ "169.254.169.254", 80, FRAME_PASS },
		{ "127.0.0.1", 80, FRAME_REFUSE },
		{ "127.255.255.254", 53, FRAME_REFUSE },
		{ "0.0.0.0", 80, FRAME_REFUSE },
		{ "0.1.2.3", 80, FRAME_REFUSE },
		{ "10.0.2.2", 80, FRAME_REFUSE },
		{ "10.0.2.3", 80, FRAME_REFUSE },
		{ "10.0.2.3", 53, FRAME_DNS_TCP },
		{ "10.0.2.77", 80, FRAME_REFUSE },
		{ "224.0.0.1", 80, FRAME_DROP },
		{ "255.255.255.255", 80, FRAME_DROP },
		{ "2001:db8::1", 80, FRAME_PASS },
		{ "fd00:0:0:1::2", 80, FRAME_PASS },
		{ "64:ff9b::7f00:1", 80, FRAME_PASS },
		{ "::1", 80, FRAME_REFUSE },
		{ "::", 80, FRAME_REFUSE },
		{ "::127.0.0.1", 80, FRAME_REFUSE },
		{ "::ffff:127.0.0.1", 80, FRAME_REFUSE },
		{ "::ffff:192.0.2.1", 80, FRAME_REFUSE },
		{ "fe80::1", 80, FRAME_REFUSE },
		{ "febf::1", 80, FRAME_REFUSE },
		{ "fd00::2", 80, FRAME_REFUSE },
		{ "fd00::3", 53, FRAME_DNS_TCP },
		{ "fd00::3", 80, FRAME_REFUSE },
		{ "fd00::ffff", 80, FRAME_REFUSE },
		{ "ff02::1", 80, FRAME_DROP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct maker m = make_tcp(places[i].dst, places[i].port, FRAME_TCP_SYN);
		struct frame_info info;

		if (judge(&m, &info) != places[i].tcp)
			fail_msg("%s port %u", places[i].dst, places[i].port);
	}
}

static void echo_goes_to_ping_or_the_stack(void **state _unused_)
{
	static const uint8_t echo4[12] = { 8 }, echo6[12] = { 128 }, redirect[12] = { 5 };
	struct frame_info info;
	struct maker m = make("192.0.2.1", FRAME_ICMP4, echo4, sizeof(echo4));

	assert_int_equal(judge(&m, &info), FRAME_PING);
	m = make("10.0.2.2", FRAME_ICMP4, echo4, sizeof(echo4));
	assert_int_equal(judge(&m, &info), FRAME_PASS);
	m = make("127.0.0.1", FRAME_ICMP4, echo4, sizeof(echo4));
	assert_int_equal(judge(&m, &info), FRAME_REFUSE);
	m = make("192.0.2.1", FRAME_ICMP4, redirect, sizeof(redirect));
	assert_int_equal(judge(&m, &info), FRAME_DROP);
	m = make("2001:db8::1", FRAME_ICMP6, echo6, sizeof(echo6));
	assert_int_equal(judge(&m, &info), FRAME_PING);
	m = make("fd00::2", FRAME_ICMP6, echo6, sizeof(echo6));
	assert_int_equal(judge(&m, &info), FRAME_PASS);
	/* The protocol of the other family. */
	m = make("2001:db8::1", FRAME_ICMP4, echo4, sizeof(echo4));
	assert_int_equal(judge(&m, &info), FRAME_DROP);
}

static void udp_to_the_resolver_is_dns(void **state _unused_)
{
	struct frame_info info;
	struct maker m = make("10.0.2.3", FRAME_UDP, "12345678", 8);

	assert_int_equal(judge(&m, &info), FRAME_DNS);
	assert_int_equal(info.end - info.payload, 8);
	assert_int_equal(info.sport, 40000);
	m = make("fd00::3", FRAME_UDP, "12345678", 8);
	assert_int_equal(judge(&m, &info), FRAME_DNS);
	m = make("192.0.2.9", FRAME_UDP, "12345678", 8);
	assert_int_equal(judge(&m, &info), FRAME_PASS);
}

static void wrong_shapes_are_dropped(void **state _unused_)
{
	struct maker good = make_tcp("192.0.2.1", 80, FRAME_TCP_SYN), m;
	struct frame_info info;

	assert_int_equal(judge(&good, &info), FRAME_PASS);
	/* Every truncation: the length fields then say more than there is. */
	for (m = good; m.len > 0;) {
		m.len--;
		assert_int_equal(judge(&m, &info), FRAME_DROP);
	}
	m = good;
	m.len += 20; /* padding is not part of the packet */
	assert_int_equal(judge(&m, &info), FRAME_PASS);
	assert_int_equal(info.end, good.len);
	m = good;
	m.b[14] = 0x46; /* options */
	assert_int_equal(judge(&m, &info), FRAME_DROP);
	m = good;
	m.b[29]++; /* another source, checksum wrong too */
	assert_int_equal(judge(&m, &info), FRAME_DROP);
	m = good;
	m.b[46] = 0x40; /* TCP header of 16 bytes */
	assert_int_equal(judge(&m, &info), FRAME_DROP);
	m.b[46] = 0xf0; /* of 60, longer than the packet */
	assert_int_equal(judge(&m, &info), FRAME_DROP);
	m = good;
	frame_put16(m.b + 12, 0x88f8); /* NC-SI */
	assert_int_equal(judge(&m, &info), FRAME_DROP);
}

static void other_sources_are_dropped(void **state _unused_)
{
	struct frame_reply r = { .proto = FRAME_UDP, .sport = 1, .dport = 2 };
	struct frame_info info;
	struct maker m;

	r.src = addr(false, "10.0.2.99");
	r.dst = addr(false, "192.0.2.1");
	m.len = frame_make_reply(&r, "x", 1, m.b);
	assert_int_equal(judge(&m, &info), FRAME_DROP);
	r.is_ip6 = true;
	r.src = addr(true, "fe80::1");
	r.dst = addr(true, "2001:db8::1");
	m.len = frame_make_reply(&r, "x", 1, m.b);
	assert_int_equal(judge(&m, &info), FRAME_DROP);
}

/* CVE-2026-9539 */
static void urgent_is_cleared(void **state _unused_)
{
	struct maker m = make_tcp("2001:db8::1", 80, FRAME_TCP_ACK | FRAME_TCP_URG);
	struct frame_info info;

	frame_put16(m.b + 54 + 18, 4711);
	l4_sum(&m, 16);
	assert_int_equal(judge(&m, &info), FRAME_PASS);
	frame_clear_urgent(m.b, &info);
	assert_int_equal(m.b[54 + 13], FRAME_TCP_ACK);
	assert_int_equal(frame_get16(m.b + 54 + 18), 0);
	assert_int_equal(frame_l4_checksum(m.b, &info), 0);
}

static void addresses_are_replaced_with_sums(void **state _unused_)
{
	static const char *const dst[] = { "10.0.2.3", "fd00::3" }, *const to[] = { "127.0.0.53",
										    "::1" };

	for (unsigned i = 0; i < 2; i++) {
		struct maker m = make_tcp(dst[i], 53, FRAME_TCP_SYN);
		struct frame_addr a = addr(i, to[i]);
		struct frame_info info, after;

		assert_int_equal(judge(&m, &info), FRAME_DNS_TCP);
		frame_set_addr(m.b, &info, FRAME_DESTINATION, &a);
		assert_int_equal(frame_l4_checksum(m.b, &info), 0);
		assert_int_equal(judge(&m, &after), FRAME_REFUSE); /* and the IPv4 sum is right */
		assert_memory_equal(after.dst.b, a.b, i ? 16 : 4);
	}
}

static void families_change_and_change_back(void **state _unused_)
{
	static const char *const dst[] = { "10.0.2.3", "fd00::3" };
	static const char *const own[] = { "10.0.2.100", "fd00::100" };
	static const char *const server[] = { "192.0.2.53", "2001:db8::53" };

	for (unsigned i = 0; i < 2; i++) {
		struct maker m = make_tcp(dst[i], 53, FRAME_TCP_SYN), other = { .len = 0 };
		struct frame_addr src = addr(!i, own[!i]), to = addr(!i, server[!i]);
		struct frame_info info, changed, after, back;
		uint8_t head[FRAME_HEAD_MAX];
		uint16_t sum;

		assert_int_equal(judge(&m, &info), FRAME_DNS_TCP);
		assert_true(frame_change_family(m.b, &info, &src, &to, other.b, &changed));
		memcpy(other.b + changed.payload, m.b + info.payload, info.end - info.payload);
		other.len = changed.end;
		frame_put16(other.b + changed.l4 + 16, 0);
		sum = frame_l4_checksum(other.b, &changed);
		frame_put16(other.b + changed.l4 + 16, sum);
		/* A packet like any other of the container's, IPv4 sum and lengths included. */
		assert_int_equal(judge(&other, &after), FRAME_PASS);
		assert_int_equal(after.is_ip6, !i);
		assert_int_equal(after.end - after.payload, info.end - info.payload);
		assert_int_equal(after.seq, info.seq);
		assert_memory_equal(after.dst.b, to.b, i ? 4 : 16);

		src = addr(i, own[i]);
		to = addr(i, dst[i]);
		assert_true(frame_change_family(other.b, &after, &src, &to, head, &back));
		assert_int_equal(back.l4, info.l4);
		assert_int_equal(back.end, info.end);
		assert_memory_equal(head + 12, m.b + 12, 6); /* type, version, length */
		/* What an IPv4 packet cannot hold. */
		after.end = after.l4 + 65530;
		assert_false(frame_change_family(other.b, &after, &src, &to, head, &back));
	}
}

static void refusals_quote_and_are_correct(void **state _unused_)
{
	static const char *const dst[] = { "127.0.0.1", "::1" };
	struct frame_net net;

	frame_net_init(&net);
	for (unsigned i = 0; i < 2; i++) {
		struct maker m = make_tcp(dst[i], 80, FRAME_TCP_SYN), out;
		struct frame_info info, got = { 0 };

		assert_int_equal(judge(&m, &info), FRAME_REFUSE);
		out.len = frame_make_refusal(&net, m.b, &info, FRAME_PROHIBITED, out.b);
		assert_int_equal(out.len, (i ? 54 : 34) + 8 + (m.len - 14));
		got.is_ip6 = i;
		got.proto = i ? FRAME_ICMP6 : FRAME_ICMP4;
		got.l4 = i ? 54 : 34;
		got.end = out.len;
		assert_int_equal(frame_l4_checksum(out.b, &got), 0);
		assert_memory_equal(out.b + got.l4 + 8, m.b + 14, m.len - 14);
	}
}

static void resets_follow_the_fin(void **state _unused_)
{
	static const char *const dst[] = { "192.0.2.1", "2001:db8::1" };

	for (unsigned i = 0; i < 2; i++) {
		struct maker m = make_tcp(dst[i], 80, FRAME_TCP_ACK | FRAME_TCP_FIN), out;
		struct frame_info info, got;

		m.b[(i ? 54 : 34) + 7] = 100; /* sequence number */
		l4_sum(&m, 16);
		assert_int_equal(judge(&m, &info), FRAME_PASS);
		out.len = frame_make_reset(m.b, &info, out.b);
		assert_int_equal(judge(&out, &got), FRAME_PASS);
		assert_int_equal(got.tcp_flags, FRAME_TCP_RST);
		assert_int_equal(got.seq, 100 + 12 + 1);
		assert_int_equal(frame_l4_checksum(out.b, &got), 0);
	}
}

static void router_advertisements_stay_out(void **state _unused_)
{
	static const uint8_t advertisement[16] = { 134 }, reply[16] = { 129 };
	struct maker m = make("fd00::100", FRAME_ICMP6, advertisement, sizeof(advertisement));

	assert_false(frame_may_enter(m.b, m.len));
	m = make("fd00::100", FRAME_ICMP6, reply, sizeof(reply));
	assert_true(frame_may_enter(m.b, m.len));
	frame_put16(m.b + 12, 0x88f8);
	assert_false(frame_may_enter(m.b, m.len));
}

/* Cut a UDP packet of 24 + 8 bytes at `cut` and give the parts in this order. */
static size_t reassemble(bool is_ip6, const uint8_t *order, size_t n, struct frag *f, uint8_t **ret)
{
	/* offset in the packet, length, more to come */
	static const struct {
		uint16_t offset, len, more;
	} parts[] = { { 0, 16, 1 }, { 16, 8, 1 }, { 24, 5, 0 }, { 8, 16, 1 }, { 16, 5, 0 } };
	uint8_t udp[29] = { 0x9c, 0x40, 0, 9, 0, 29 }, l4[64];
	size_t len = 0;

	for (size_t i = 0; i < n && !len; i++) {
		uint16_t offset = parts[order[i]].offset, size = parts[order[i]].len;
		const char *dst = is_ip6 ? "2001:db8::1" : "192.0.2.1";
		struct frame_info info;
		struct maker m;

		memset(l4, 0, sizeof(l4));
		if (is_ip6) {
			l4[0] = FRAME_UDP;
			frame_put16(l4 + 2, (uint16_t)(offset | parts[order[i]].more));
			memcpy(l4 + 8, udp + offset, size);
			m = make(dst, FRAME_FRAGMENT6, l4, 8u + size);
			frame_put16(m.b + 54 + 2, (uint16_t)(offset | parts[order[i]].more));
		} else {
			/* At least eight bytes for the maker; the length is set right below. */
			m = make(dst, FRAME_ICMP4, l4, 16);
			memcpy(m.b + 34, udp + offset, size);
			frame_patch16(m.b + 24, m.b + 22, 64 << 8 | FRAME_UDP);
			frame_patch16(m.b + 24, m.b + 16, (uint16_t)(20 + size));
			frame_patch16(m.b + 24, m.b + 20,
				      (uint16_t)(offset / 8 | parts[order[i]].more << 13));
			m.len = 34u + size;
		}
		assert_int_equal(judge(&m, &info), FRAME_FRAGMENT);
		len = frag_add(f, m.b, &info, 0, ret);
	}
	return len;
}

static void fragments_become_datagrams(void **state _unused_)
{
	static const uint8_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 } };
	/* overlap, a second end, an end before what is there */
	static const uint8_t wrong[][3] = { { 0, 3, 2 }, { 2, 4, 0 }, { 0, 1, 4 } };

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct frag *f = frag_new();
		struct frame_info info;
		struct maker m = { .len = 0 };
		uint8_t *whole = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
			m.len = reassemble(v6, orders[i], 3, f, &whole);
			assert_int_equal(m.len, (v6 ? 54 : 34) + 29);
			memcpy(m.b, whole, m.len);
			assert_int_equal(judge(&m, &info), FRAME_PASS);
			assert_int_equal(info.dport, 9);
		}
		frag_free(f);
		for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
			f = frag_new();
			assert_int_equal(reassemble(v6, wrong[i], 3, f, &whole), 0);
			frag_free(f);
		}
	}
}

/* Each fragment of the frame, split again by the second MTU, to the other side. */
static size_t split_and_join(struct frag *f, const struct maker *from, const size_t *mtus, size_t n,
			     uint8_t **ret)
{
	struct frame_info info;
	size_t head_len, len, whole = 0;
	const uint8_t *data;
	struct maker part;
	struct split s;

	if (!n || !split_init(&s, from->b, from->len, mtus[0], 77)) {
		assert_int_equal(judge(from, &info), FRAME_FRAGMENT);
		return frag_add(f, from->b, &info, 0, ret);
	}
	while ((len = split_next(&s, part.b, &head_len, &data)) > 0) {
		assert_int_equal(whole, 0);
		assert_true(head_len - FRAME_ETH_LEN + len <= mtus[0]);
		memcpy(part.b + head_len, data, len);
		part.len = head_len + len;
		whole = split_and_join(f, &part, mtus + 1, n - 1, ret);
	}
	return whole;
}

static void datagrams_become_fragments(void **state _unused_)
{
	static const size_t mtus[][2] = { { 1000, 999 }, { 576, 500 }, { 1025, 300 }, { 68, 60 } };
	uint8_t udp[1017];

	for (size_t i = 0; i < sizeof(udp); i++)
		udp[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(mtus); i++) {
		bool is_ip6 = i % 2;
		struct maker m =
			make(is_ip6 ? "2001:db8::1" : "192.0.2.1", FRAME_UDP, udp, sizeof(udp));
		struct frag *f = frag_new();
		uint8_t *whole = NULL;

		if (!is_ip6)
			frame_patch16(m.b + 24, m.b + 20, 0); /* "don't fragment" ends here */
		/* A fragment of IPv6 is never split again. */
		assert_int_equal(split_and_join(f, &m, mtus[i / 2], is_ip6 ? 1 : 2, &whole), m.len);
		assert_memory_equal(whole, m.b, m.len);
		frag_free(f);
	}
}

static void what_fits_or_is_tcp_is_not_split(void **state _unused_)
{
	static const uint8_t udp[100] = { 0 };
	struct maker m = make("192.0.2.1", FRAME_UDP, udp, sizeof(udp));
	struct split s;

	assert_false(split_init(&s, m.b, m.len, m.len - FRAME_ETH_LEN, 1));
	assert_true(split_init(&s, m.b, m.len, m.len - FRAME_ETH_LEN - 1, 1));
	assert_false(split_init(&s, m.b, m.len, 20, 1));
	assert_false(split_init(&s, m.b, 60, 40, 1)); /* shorter than it says */
	m = make_tcp("2001:db8::1", 80, 0);
	assert_false(split_init(&s, m.b, m.len, 60, 1));
	m = make_tcp("192.0.2.1", 80, 0);
	assert_false(split_init(&s, m.b, m.len, 40, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations_of_the_host_are_refused),
		cmocka_unit_test(echo_goes_to_ping_or_the_stack),
		cmocka_unit_test(udp_to_the_resolver_is_dns),
		cmocka_unit_test(wrong_shapes_are_dropped),
		cmocka_unit_test(other_sources_are_dropped),
		cmocka_unit_test(urgent_is_cleared),
		cmocka_unit_test(addresses_are_replaced_with_sums),
		cmocka_unit_test(families_change_and_change_back),
		cmocka_unit_test(refusals_quote_and_are_correct),
		cmocka_unit_test(resets_follow_the_fin),
		cmocka_unit_test(fragments_become_datagrams),
		cmocka_unit_test(datagrams_become_fragments),
		cmocka_unit_test(what_fits_or_is_tcp_is_not_split),
		cmocka_unit_test(router_advertisements_stay_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
