/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/cpulist.h"

#include <errno.h>
#include <stdio.h>

#include "base/num.h"
#include "base/str.h"

static int get_number(const char **s, unsigned *ret)
{
	size_t n = strspn(*s, "0123456789");
	char digits[8];
	uint32_t v;
	int r;

	if (n == 0)
		return -EINVAL;
	if (n >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, *s, n);
	digits[n] = '\0';
	r = num_u32(digits, &v);
	if (r < 0)
		return r;
	if (v >= CPULIST_MAX)
		return -ERANGE;
	*s += n;
	*ret = v;
	return 0;
}

int cpulist_parse(const char *s, struct cpulist *ret)
{
	struct cpulist l = { 0 };

	for (;;) {
		unsigned from, to;
		int r = get_number(&s, &from);

		to = from;
		if (r == 0 && *s == '-') {
			s++;
			r = get_number(&s, &to);
		}
		if (r < 0)
			return r;
		if (to < from)
			return -EINVAL;
		for (unsigned i = from; i <= to; i++)
			l.bits[i / CPULIST_WORD_BITS] |= 1UL << i % CPULIST_WORD_BITS;
		if (*s != ',')
			break;
		s++;
	}
	if (*s && !str_eq(s, "\n"))
		return -EINVAL;
	*ret = l;
	return 0;
}

bool cpulist_has(const struct cpulist *l, unsigned i)
{
	return i < CPULIST_MAX && (l->bits[i / CPULIST_WORD_BITS] >> i % CPULIST_WORD_BITS & 1);
}

bool cpulist_is_within(const struct cpulist *part, const struct cpulist *whole)
{
	for (size_t i = 0; i < ARRAY_SIZE(part->bits); i++)
		if (part->bits[i] & ~whole->bits[i])
			return false;
	return true;
}

char *cpulist_format(const struct cpulist *l, char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (unsigned i = 0; i < CPULIST_MAX; i++) {
		unsigned from = i;
		int n;

		if (!cpulist_has(l, i))
			continue;
		while (cpulist_has(l, i + 1))
			i++;
		n = snprintf(buf + len, size - len, i > from ? "%s%u-%u" : "%s%u", len ? "," : "",
			     from, i);
		if (n < 0 || (size_t)n >= size - len)
			break;
		len += (size_t)n;
	}
	return buf;
}
