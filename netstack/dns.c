/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "dns.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "dnsmsg.h"

/*
 * Theory of operation
 *
 * Each query and server has a socket of its own, connected: the kernel picks the source port at
 * random and drops datagrams of anybody but that server; with a random id and the question compared
 * this is what an off-path forger must guess. A query waits first for the reader's answer (the
 * resolvers as they are now; one question to the reader serves all queries that wait), then goes to
 * the first server, a second later also to the next, and so on; the first good answer wins.
 * Answers that do not fit the container's MTU are cut to a "truncated" one, and the client comes
 * again by TCP (stack.c sends that through libslirp with the address replaced).
 */

struct query {
	bool used, waits_for_list;
	uint8_t mac[6];
	bool is_ip6;
	struct frame_addr client, server; /* as the container sees them */
	uint16_t client_port, client_id;
	size_t len, question_end;
	struct resolv_list servers;
	unsigned next;		 /* server to ask next */
	int fds[RESOLV_MAX];	 /* -1 = not asked yet or done with */
	int indexes[RESOLV_MAX]; /* in the pollset */
	enum dnsmsg_rcode worst; /* what to say when nobody knows better */
	int64_t step_at, end_at;
	uint8_t msg[DNS_QUERY_LEN_MAX]; /* with our id */
};

struct dns {
	const struct frame_net *net;
	int reader_fd, reader_index;
	bool list_asked;
	struct resolv_list list;
	dns_send send;
	void *data;
	struct query queries[DNS_QUERIES_MAX];
	uint8_t answer[DNS_ANSWER_LEN_MAX];
};

static void list_ask(struct dns *dns)
{
	if (!dns->list_asked)
		dns->list_asked = send(dns->reader_fd, "", 1, MSG_NOSIGNAL) == 1;
}

struct dns *dns_new(const struct frame_net *net, int reader_fd, dns_send send, void *data)
{
	struct dns *dns = xcalloc(1, sizeof(*dns));

	dns->net = net;
	dns->reader_fd = reader_fd;
	dns->reader_index = -1;
	dns->send = send;
	dns->data = data;
	resolv_parse("", 0, &dns->list);
	list_ask(dns);
	return dns;
}

static void query_end(struct query *q)
{
	for (unsigned i = 0; i < RESOLV_MAX; i++)
		fd_close(q->fds[i]);
	q->used = false;
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	for (unsigned i = 0; i < DNS_QUERIES_MAX; i++)
		if (dns->queries[i].used)
			query_end(&dns->queries[i]);
	fd_close(dns->reader_fd);
	free(dns);
}

/* Answer with our id in it; the container gets its own back. */
static void query_answer(struct dns *dns, struct query *q, uint8_t *answer, size_t len)
{
	uint8_t cut[DNS_QUERY_LEN_MAX], frame[FRAME_REPLY_MAX];
	struct frame_reply r = {
		.is_ip6 = q->is_ip6,
		.proto = FRAME_UDP,
		.src = q->server,
		.dst = q->client,
		.sport = 53,
		.dport = q->client_port,
	};
	size_t n;

	memcpy(r.to_mac, q->mac, sizeof(r.to_mac));
	dnsmsg_set_id(answer, q->client_id);
	n = frame_make_reply(&r, answer, len, frame);
	if (!n) {
		dnsmsg_make_answer(q->msg, q->question_end, DNSMSG_OK, true, cut);
		dnsmsg_set_id(cut, q->client_id);
		n = frame_make_reply(&r, cut, q->question_end, frame);
	}
	if (n)
		dns->send(frame, n, dns->data);
	query_end(q);
}

static void query_give_up(struct dns *dns, struct query *q)
{
	uint8_t answer[DNS_QUERY_LEN_MAX];

	dnsmsg_make_answer(q->msg, q->question_end, q->worst, false, answer);
	query_answer(dns, q, answer, q->question_end);
}

/* #syscalls: socket connect send sendto close */
static bool query_ask(struct query *q, unsigned i)
{
	const union resolv_addr *a = &q->servers.addr[i];
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	if (connect(fd, &a->sa, resolv_addr_len(a)) < 0 ||
	    send(fd, q->msg, q->len, MSG_NOSIGNAL) < 0) {
		fd_close(fd);
		return false;
	}
	q->fds[i] = fd;
	return true;
}

/* Ask the next server that can be asked; when none is left, those that were asked go on. */
static void query_step(struct dns *dns, struct query *q, int64_t now)
{
	bool open = false;

	q->waits_for_list = false;
	while (q->next < q->servers.n) {
		unsigned i = q->next++;

		if (query_ask(q, i)) {
			q->step_at = now + DNS_STEP_MS;
			return;
		}
	}
	q->step_at = q->end_at;
	for (unsigned i = 0; i < RESOLV_MAX; i++)
		open |= q->fds[i] >= 0;
	if (!open)
		query_give_up(dns, q);
}

static struct query *query_new(struct dns *dns)
{
	for (unsigned i = 0; i < DNS_QUERIES_MAX; i++)
		if (!dns->queries[i].used)
			return &dns->queries[i];
	return NULL;
}

void dns_query(struct dns *dns, const uint8_t *frame, const struct frame_info *info, int64_t now_ms)
{
	const uint8_t *msg = frame + info->payload;
	size_t len = info->end - info->payload, question_end;
	struct query *q = query_new(dns);
	uint16_t id;

	if (!q || len > DNS_QUERY_LEN_MAX || !dnsmsg_is_query(msg, len, &question_end))
		return;
	q->used = q->waits_for_list = true;
	memcpy(q->mac, frame + 6, sizeof(q->mac));
	q->is_ip6 = info->is_ip6;
	q->client = info->src;
	q->server = info->dst;
	q->client_port = info->sport;
	q->client_id = dnsmsg_id(msg);
	q->len = len;
	q->question_end = question_end;
	q->next = 0;
	q->worst = DNSMSG_SERVFAIL;
	q->step_at = now_ms + DNS_RESOLV_WAIT_MS;
	q->end_at = now_ms + DNS_LIFE_MS;
	for (unsigned i = 0; i < RESOLV_MAX; i++)
		q->fds[i] = q->indexes[i] = -1;
	memcpy(q->msg, msg, len);
	id_random(&id, sizeof(id));
	dnsmsg_set_id(q->msg, id);
	list_ask(dns);
}

static void query_fill(struct query *q, struct pollset *ps)
{
	for (unsigned i = 0; i < RESOLV_MAX; i++)
		q->indexes[i] = q->fds[i] < 0 ? -1 : pollset_add(ps, q->fds[i], POLLIN);
	pollset_wake_at(ps, q->step_at < q->end_at ? q->step_at : q->end_at);
}

void dns_fill(struct dns *dns, struct pollset *ps)
{
	dns->reader_index = pollset_add(ps, dns->reader_fd, POLLIN);
	for (unsigned i = 0; i < DNS_QUERIES_MAX; i++)
		if (dns->queries[i].used)
			query_fill(&dns->queries[i], ps);
}

static void list_receive(struct dns *dns, int64_t now)
{
	struct resolv_list list;
	ssize_t n = recv(dns->reader_fd, &list, sizeof(list), MSG_DONTWAIT);

	/* #syscalls: recv recvfrom */
	if (n < 0 && errno == EAGAIN)
		return;
	dns->list_asked = false;
	if (n == sizeof(list) && list.n <= RESOLV_MAX)
		dns->list = list;
	for (unsigned i = 0; i < DNS_QUERIES_MAX; i++) {
		struct query *q = &dns->queries[i];

		if (!q->used || !q->waits_for_list)
			continue;
		q->servers = dns->list;
		query_step(dns, q, now);
	}
}

/* One datagram, or the ICMP error of a closed port. */
static void query_receive(struct dns *dns, struct query *q, unsigned i, int64_t now)
{
	ssize_t n = recv(q->fds[i], dns->answer, sizeof(dns->answer), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n >= 0) {
		enum dnsmsg_rcode rcode;

		if (!dnsmsg_answers(q->msg, q->len, dns->answer, (size_t)n))
			return; /* forged or late: the right one may still come */
		rcode = dnsmsg_rcode(dns->answer);
		if (rcode != DNSMSG_SERVFAIL && rcode != DNSMSG_REFUSED &&
		    rcode != DNSMSG_NOT_IMPLEMENTED) {
			query_answer(dns, q, dns->answer, (size_t)n);
			return;
		}
		q->worst = rcode;
	}
	fd_close(q->fds[i]);
	q->fds[i] = -1;
	query_step(dns, q, now);
}

static void query_poll(struct dns *dns, struct query *q, const struct pollset *ps)
{
	for (unsigned i = 0; i < RESOLV_MAX && q->used; i++)
		if (q->fds[i] >= 0 && pollset_revents(ps, q->indexes[i]))
			query_receive(dns, q, i, ps->now_ms);
	if (!q->used)
		return;
	if (ps->now_ms >= q->end_at) {
		query_give_up(dns, q);
		return;
	}
	if (ps->now_ms < q->step_at)
		return;
	if (q->waits_for_list)
		q->servers = dns->list;
	query_step(dns, q, ps->now_ms);
}

void dns_poll(struct dns *dns, const struct pollset *ps)
{
	if (pollset_revents(ps, dns->reader_index))
		list_receive(dns, ps->now_ms);
	for (unsigned i = 0; i < DNS_QUERIES_MAX; i++)
		if (dns->queries[i].used)
			query_poll(dns, &dns->queries[i], ps);
}

static bool take_tcp_server(const union resolv_addr *a, bool is_ip6, struct frame_server *ret)
{
	/* A link-local address means nothing without its scope, which no packet names. */
	if (is_ip6 != (a->sa.sa_family == AF_INET6) ||
	    (is_ip6 && IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr)))
		return false;
	*ret = (struct frame_server){ .is_ip6 = is_ip6 };
	if (is_ip6)
		memcpy(ret->addr.b, &a->in6.sin6_addr, 16);
	else
		memcpy(ret->addr.b, &a->in.sin_addr, 4);
	return true;
}

bool dns_tcp_server(struct dns *dns, bool is_ip6, struct frame_server *ret)
{
	list_ask(dns);
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < dns->list.n; i++)
			if (take_tcp_server(&dns->list.addr[i], is_ip6 != pass, ret))
				return true;
	return false;
}
