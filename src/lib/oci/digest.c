/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oci/digest.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

int digest_from_hex(const char *hex, struct digest *ret)
{
	struct digest d;

	for (size_t i = 0; i < DIGEST_HEX_LEN; i++) {
		if (!is_hex(hex[i]))
			return -EINVAL; /* a NUL ends the walk here too */
		d.hex[i] = hex[i];
	}
	if (hex[DIGEST_HEX_LEN])
		return -EINVAL;
	d.hex[DIGEST_HEX_LEN] = '\0';
	*ret = d;
	return 0;
}

int digest_parse(const char *s, struct digest *ret)
{
	const char *colon = strchr(s, ':');

	if (!colon || colon == s)
		return -EINVAL;
	if (str_starts(s, "sha256:"))
		return digest_from_hex(colon + 1, ret);
	for (const char *p = s; p < colon; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && !strchr("+._-", *p))
			return -EINVAL;
	return -EOPNOTSUPP;
}

void digest_from_bytes(const uint8_t bytes[32], struct digest *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_HEX_LEN / 2; i++) {
		ret->hex[2 * i] = digits[bytes[i] >> 4];
		ret->hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret->hex[DIGEST_HEX_LEN] = '\0';
}

char *digest_format(const struct digest *d, char buf[DIGEST_STR_MAX])
{
	ignore_result(str_print(buf, DIGEST_STR_MAX, "sha256:%s", d->hex)); /* fits by its size */
	return buf;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return str_eq(a->hex, b->hex);
}

bool digest_is_set(const struct digest *d)
{
	return d->hex[0] != '\0';
}
