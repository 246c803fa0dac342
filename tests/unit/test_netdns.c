/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <arpa/inet.h>
#include <string.h>

#include "dnsmsg.h"
#include "resolv.h"

/* id 0x1234, recursion desired, one question "Ab.test" A */
static const uint8_t query[] = { 0x12, 0x34, 1, 0,   0,	  1,   0,   0, 0, 0, 0, 0, 2,
				 'A',  'b',  4, 't', 'e', 's', 't', 0, 0, 1, 0, 1 };

static void queries_are_recognised(void **state _unused_)
{
	uint8_t q[sizeof(query)];
	size_t end = 0;

	assert_true(dnsmsg_is_query(query, sizeof(query), &end));
	assert_int_equal(end, sizeof(query));
	for (size_t n = 0; n < sizeof(query); n++)
		assert_false(dnsmsg_is_query(query, n, &end));
	memcpy(q, query, sizeof(q));
	q[2] |= 0x80; /* an answer */
	assert_false(dnsmsg_is_query(q, sizeof(q), &end));
	memcpy(q, query, sizeof(q));
	q[5] = 2; /* two questions */
	assert_false(dnsmsg_is_query(q, sizeof(q), &end));
	memcpy(q, query, sizeof(q));
	q[12] = 0xc0; /* a pointer, to itself at that */
	q[13] = 12;
	assert_false(dnsmsg_is_query(q, sizeof(q), &end));
}

static void names_have_a_limit(void **state _unused_)
{
	uint8_t q[12 + 64 * 5 + 5] = { 0, 0, 1, 0, 0, 1 };
	size_t end = 0;

	for (unsigned i = 0; i < 5; i++)
		q[12 + 64 * i] = 63;
	assert_false(dnsmsg_is_query(q, sizeof(q), &end));
}

static void only_the_right_answer_counts(void **state _unused_)
{
	uint8_t a[sizeof(query) + 16] = { 0 };

	memcpy(a, query, sizeof(query));
	assert_false(dnsmsg_answers(query, sizeof(query), a, sizeof(a))); /* not an answer */
	a[2] |= 0x80;
	assert_true(dnsmsg_answers(query, sizeof(query), a, sizeof(a)));
	a[13] = 'a'; /* case may change on the way */
	assert_true(dnsmsg_answers(query, sizeof(query), a, sizeof(a)));
	a[13] = 'x';
	assert_false(dnsmsg_answers(query, sizeof(query), a, sizeof(a)));
	a[13] = 'A';
	a[22] = 28; /* another type */
	assert_false(dnsmsg_answers(query, sizeof(query), a, sizeof(a)));
	a[22] = 1;
	a[0]++;
	assert_false(dnsmsg_answers(query, sizeof(query), a, sizeof(a)));
	a[0]--;
	for (size_t n = 0; n < sizeof(query); n++)
		assert_false(dnsmsg_answers(query, sizeof(query), a, n));
	a[5] = 0; /* without a question: only as an error of twelve bytes */
	assert_false(dnsmsg_answers(query, sizeof(query), a, 12));
	a[3] = DNSMSG_FORMAT;
	assert_true(dnsmsg_answers(query, sizeof(query), a, 12));
}

static void made_answers_belong_to_the_query(void **state _unused_)
{
	uint8_t a[sizeof(query)];

	dnsmsg_make_answer(query, sizeof(query), DNSMSG_SERVFAIL, false, a);
	assert_true(dnsmsg_answers(query, sizeof(query), a, sizeof(a)));
	assert_int_equal(dnsmsg_rcode(a), DNSMSG_SERVFAIL);
	dnsmsg_make_answer(query, sizeof(query), DNSMSG_OK, true, a);
	assert_int_equal(a[2] & 2, 2);
}

static struct resolv_list parse(const char *text)
{
	struct resolv_list list;

	resolv_parse(text, strlen(text), &list);
	return list;
}

static void resolvers_are_read(void **state _unused_)
{
	char buf[INET6_ADDRSTRLEN];
	struct resolv_list l = parse("# nameserver 1.1.1.1\nsearch a b\nnameserver 127.0.0.53\n"
				     "nameserver\tfe80::1%eth0 \r\nnameserver nonsense\n"
				     "nameserver 2001:db8::53");

	assert_int_equal(l.n, 3);
	assert_string_equal(inet_ntop(AF_INET, &l.addr[0].in.sin_addr, buf, sizeof(buf)),
			    "127.0.0.53");
	assert_int_equal(ntohs(l.addr[0].in.sin_port), 53);
	assert_string_equal(l.scope[1], "eth0");
	assert_string_equal(inet_ntop(AF_INET6, &l.addr[2].in6.sin6_addr, buf, sizeof(buf)),
			    "2001:db8::53");
	assert_string_equal(l.scope[2], "");
}

static void no_resolver_means_loopback(void **state _unused_)
{
	struct resolv_list l = parse("");

	assert_int_equal(l.n, 1);
	assert_int_equal(l.addr[0].in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	l = parse("nameserver\nnameserver \nnameserverx 1.2.3.4\n"
		  "nameserver 1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24\n"
		  "nameserver fe80::1%averyveryverylonginterfacename\n");
	assert_int_equal(l.n, 1);
	l = parse("nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\n"
		  "nameserver 1.0.0.4\nnameserver 1.0.0.5\n");
	assert_int_equal(l.n, RESOLV_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_recognised),
		cmocka_unit_test(names_have_a_limit),
		cmocka_unit_test(only_the_right_answer_counts),
		cmocka_unit_test(made_answers_belong_to_the_query),
		cmocka_unit_test(resolvers_are_read),
		cmocka_unit_test(no_resolver_means_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
