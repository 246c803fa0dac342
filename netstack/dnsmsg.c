/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "dnsmsg.h"

#include <string.h>

enum {
	FLAG_QR = 0x80,	    /* byte 2 */
	OPCODE_MASK = 0x78, /* byte 2 */
	FLAG_TC = 0x02,	    /* byte 2 */
	FLAG_RD = 0x01,	    /* byte 2 */
	FLAG_RA = 0x80,	    /* byte 3 */
	RCODE_MASK = 0x0f,  /* byte 3 */
};

static unsigned count_at(const uint8_t *p, size_t at)
{
	return (unsigned)p[at] << 8 | p[at + 1];
}

/* End of the question that starts after the header, 0 when it is malformed. No compression: there
 * is nothing before it that it could point to. */
static size_t question_end(const uint8_t *p, size_t len)
{
	size_t at = DNSMSG_HEADER_LEN;

	for (;;) {
		if (at >= len || at - DNSMSG_HEADER_LEN > DNSMSG_NAME_MAX || p[at] > 63)
			return 0;
		if (p[at] == 0)
			break;
		at += 1u + p[at];
	}
	at += 1 + 4; /* the root label, type and class */
	return at <= len ? at : 0;
}

bool dnsmsg_is_query(const uint8_t *p, size_t len, size_t *ret_end)
{
	size_t end;

	if (len < DNSMSG_HEADER_LEN || (p[2] & FLAG_QR) || count_at(p, 4) != 1)
		return false;
	end = question_end(p, len);
	if (!end)
		return false;
	*ret_end = end;
	return true;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Label lengths are below 'A', so that they compare as they are. */
static bool question_equal(const uint8_t *a, const uint8_t *b, size_t end)
{
	for (size_t i = DNSMSG_HEADER_LEN; i < end - 4; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return memcmp(a + end - 4, b + end - 4, 4) == 0;
}

bool dnsmsg_answers(const uint8_t *query, size_t query_len, const uint8_t *answer,
		    size_t answer_len)
{
	size_t end = question_end(query, query_len);

	if (!end || answer_len < DNSMSG_HEADER_LEN || !(answer[2] & FLAG_QR))
		return false;
	if (dnsmsg_id(query) != dnsmsg_id(answer) ||
	    (query[2] & OPCODE_MASK) != (answer[2] & OPCODE_MASK))
		return false;
	if (count_at(answer, 4) == 0)
		return dnsmsg_rcode(answer) != DNSMSG_OK && answer_len == DNSMSG_HEADER_LEN;
	return count_at(answer, 4) == 1 && answer_len >= end && question_equal(query, answer, end);
}

enum dnsmsg_rcode dnsmsg_rcode(const uint8_t *answer)
{
	return (enum dnsmsg_rcode)(answer[3] & RCODE_MASK);
}

void dnsmsg_make_answer(const uint8_t *query, size_t query_end, enum dnsmsg_rcode rcode,
			bool truncated, uint8_t *buf)
{
	memcpy(buf, query, query_end);
	buf[2] = (uint8_t)(FLAG_QR | (query[2] & (OPCODE_MASK | FLAG_RD)) |
			   (truncated ? FLAG_TC : 0));
	buf[3] = (uint8_t)(FLAG_RA | rcode);
	memset(buf + 6, 0, 6);
}
