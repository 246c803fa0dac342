/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

/* sha256 only: other algorithms of the OCI descriptor spec are refused with -EOPNOTSUPP. */
enum {
	DIGEST_HEX_LEN = 64,
	DIGEST_STR_MAX = 7 + DIGEST_HEX_LEN + 1, /* "sha256:" hex NUL */
};

struct digest {
	char hex[DIGEST_HEX_LEN + 1]; /* lower case; "" = none */
};

/* "sha256:<64 lower-case hex>", nothing else. -EINVAL, -EOPNOTSUPP. */
int digest_parse(const char *s, struct digest *ret) _nodiscard_;
int digest_from_hex(const char *hex, struct digest *ret) _nodiscard_;
void digest_from_bytes(const uint8_t bytes[32], struct digest *ret);
char *digest_format(const struct digest *d, char buf[DIGEST_STR_MAX]);
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *d);
