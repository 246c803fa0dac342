/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "frame.h"
#include "pollset.h"
#include "resolv.h"

/*
 * DNS forwarder. Queries of the container go, as they are but for the id, to the host's resolvers
 * from the host's network namespace, so that 127.0.0.53 and resolvers behind a VPN work. All are
 * tried, the next one after a second or as soon as one says that it cannot answer.
 */
enum {
	DNS_QUERIES_MAX = 128,
	DNS_QUERY_LEN_MAX = 1472,
	DNS_ANSWER_LEN_MAX = 65535,
	DNS_STEP_MS = 1000,
	DNS_LIFE_MS = 10000,
	DNS_RESOLV_WAIT_MS = 300, /* for the reader, then the list in hand is used */
	/* Descriptors it may hold at once. */
	DNS_FDS_MAX = DNS_QUERIES_MAX * RESOLV_MAX,
};

struct dns;

/* Hands a finished frame to the container. */
typedef void (*dns_send)(const uint8_t *frame, size_t len, void *data);

/* reader_fd (resolv.h) is owned afterwards. */
struct dns *dns_new(const struct frame_net *net, int reader_fd, dns_send send, void *data);
void dns_free(struct dns *dns);

/* A FRAME_DNS frame. Queries beyond the limit and malformed ones are dropped. */
void dns_query(struct dns *dns, const uint8_t *frame, const struct frame_info *info,
	       int64_t now_ms);
void dns_fill(struct dns *dns, struct pollset *ps);
void dns_poll(struct dns *dns, const struct pollset *ps);

/*
 * The resolver of this family that a TCP query shall go to; false when the host has none. The list
 * is the one in hand (a TCP query follows a truncated answer), and the next one is asked for.
 */
bool dns_tcp_server(struct dns *dns, bool is_ip6, struct frame_server *ret);
