/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * The header fields of HTTP that a pull reads. All come from a hostile peer: pure functions over
 * (pointer, length), nothing is trusted to be terminated.
 */

enum {
	CHALLENGE_VALUE_MAX = 1024, /* realm, service, scope each */
};

enum challenge_scheme {
	CHALLENGE_BASIC,
	CHALLENGE_BEARER, /* better */
};

/* WWW-Authenticate (RFC 7235): the best of the challenges in one field. */
struct challenge {
	enum challenge_scheme scheme;
	char realm[CHALLENGE_VALUE_MAX]; /* Bearer: an http or https URL; "" = none */
	char service[CHALLENGE_VALUE_MAX];
	char scope[CHALLENGE_VALUE_MAX];
};

/*
 * -EOPNOTSUPP: other schemes only. -EINVAL: one of ours is malformed, a value too long, twice or
 * with control characters, or a Bearer realm that is no http or https URL or carries a user name.
 */
int challenge_parse(const char *s, size_t n, struct challenge *ret) _nodiscard_;

/* Content-Range "bytes FIRST-LAST/TOTAL"; TOTAL "*" is UINT64_MAX. -EINVAL. */
struct content_range {
	uint64_t first, last, total;
};
int content_range_parse(const char *s, size_t n, struct content_range *ret) _nodiscard_;

/* Retry-After in seconds, at most `max`. Dates and nonsense are 0: the caller has its own delay. */
unsigned retry_after_parse(const char *s, size_t n, unsigned max);

/* The value of the field `name` in one header line ("Name: value\r\n"), trimmed. */
bool header_value(const char *line, size_t n, const char *name, const char **ret, size_t *ret_n);
