/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* The little that a DNS forwarder has to understand of a message (RFC 1035). Pure functions. */
enum {
	DNSMSG_HEADER_LEN = 12,
	DNSMSG_NAME_MAX = 255,
};

enum dnsmsg_rcode {
	DNSMSG_OK = 0,
	DNSMSG_FORMAT = 1,
	DNSMSG_SERVFAIL = 2,
	DNSMSG_NOT_IMPLEMENTED = 4,
	DNSMSG_REFUSED = 5,
};

/* A query with exactly one well-formed question? *ret_end: where the question ends. */
bool dnsmsg_is_query(const uint8_t *p, size_t len, size_t *ret_end);

/*
 * Does the answer belong to the query (as it was sent): same id, same opcode, same question but
 * for upper and lower case? An error answer may come without a question.
 */
bool dnsmsg_answers(const uint8_t *query, size_t query_len, const uint8_t *answer,
		    size_t answer_len);
enum dnsmsg_rcode dnsmsg_rcode(const uint8_t *answer);

/*
 * An answer made from the query's header and question (query_end from dnsmsg_is_query), into
 * buf[query_end]: with this code, or with `truncated` to make the client come again by TCP.
 */
void dnsmsg_make_answer(const uint8_t *query, size_t query_end, enum dnsmsg_rcode rcode,
			bool truncated, uint8_t *buf);

static inline uint16_t dnsmsg_id(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void dnsmsg_set_id(uint8_t *p, uint16_t id)
{
	p[0] = (uint8_t)(id >> 8);
	p[1] = (uint8_t)id;
}
