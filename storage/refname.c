/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/refname.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

int refname_escape(const char *name, char buf[REFNAME_PATH_MAX])
{
	static const char digit[] = "0123456789ABCDEF";
	size_t len = 0, part = 0;

	if (!*name || str_eq(name, ".") || str_eq(name, ".."))
		return -EINVAL;
	for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
		/* A leading dot would be a hidden file, as the temporary ones are. */
		bool plain = is_plain(*p) && !(part == 0 && *p == '.');

		if (len + 6 > REFNAME_PATH_MAX)
			return -ENAMETOOLONG;
		if (part + 3 > REFNAME_PART) {
			buf[len++] = '+';
			buf[len++] = '/';
			part = 0;
			plain = is_plain(*p) && *p != '.';
		}
		if (plain) {
			buf[len++] = (char)*p;
			part++;
			continue;
		}
		buf[len++] = '%';
		buf[len++] = digit[*p >> 4];
		buf[len++] = digit[*p & 15];
		part += 3;
	}
	buf[len] = '\0';
	return 0;
}
