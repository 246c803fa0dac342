/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/num.h"

#include <errno.h>
#include <strings.h>

#include "base/str.h"

enum {
	FRACTION_DIGITS_MAX = 9,
};

/* end: NULL where a terminator ends the text. */
static int digits(const char **s, const char *end, unsigned base, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;

	if (p == end || *p < '0' || *p > '9')
		return -EINVAL;
	for (; p != end && *p >= '0' && *p <= '9'; p++) {
		unsigned d = (unsigned)(*p - '0');

		if (d >= base)
			return -EINVAL;
		if (v > (UINT64_MAX - d) / base)
			return -ERANGE;
		v = v * base + d;
	}
	*s = p;
	*ret = v;
	return 0;
}

int num_scan(const char **s, const char *end, uint64_t *ret)
{
	return digits(s, end, 10, ret);
}

int num_u64(const char *s, uint64_t *ret)
{
	uint64_t v;
	int r = digits(&s, NULL, 10, &v);

	if (r < 0)
		return r;
	if (*s)
		return -EINVAL;
	*ret = v;
	return 0;
}

int num_u32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = num_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

int num_i64(const char *s, int64_t *ret)
{
	bool neg = *s == '-';
	uint64_t v;
	int r = num_u64(s + neg, &v);

	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + neg)
		return -ERANGE;
	*ret = neg ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int num_mode(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = digits(&s, NULL, 8, &v);

	if (r < 0)
		return r;
	if (*s)
		return -EINVAL;
	if (v > 07777)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ".5", or as docker has it, "." behind a number. */
static int fraction_of(const char **s, uint64_t *ret, uint64_t *ret_scale)
{
	const char *from = ++*s;
	uint64_t scale = 1;
	int r = is_digit(*from) ? digits(s, NULL, 10, ret) : 0;

	if (r == 0 && *s - from > FRACTION_DIGITS_MAX)
		r = -ERANGE;
	for (; r == 0 && from < *s; from++)
		scale *= 10;
	*ret_scale = scale;
	return r;
}

int num_size(const char *s, uint64_t *ret)
{
	static const struct {
		char letter;
		unsigned shift;
	} units[] = { { 'b', 0 }, { 'k', 10 }, { 'm', 20 }, { 'g', 30 }, { 't', 40 }, { 'p', 50 } };
	uint64_t v, fraction = 0, scale = 1;
	unsigned shift = 0;
	bool only_fraction = s[0] == '.' && is_digit(s[1]);
	int r = only_fraction ? 0 : digits(&s, NULL, 10, &v);

	if (only_fraction)
		v = 0;
	if (r == 0 && *s == '.')
		r = fraction_of(&s, &fraction, &scale);
	if (r < 0)
		return r;
	s += *s == ' ';
	if (*s) {
		size_t i = 0;

		while (i < ARRAY_SIZE(units) && (*s | 0x20) != units[i].letter)
			i++;
		if (i == ARRAY_SIZE(units))
			return -EINVAL;
		shift = units[i].shift;
		s++;
		if (*s && !(shift && (strcasecmp(s, "b") == 0 || strcasecmp(s, "ib") == 0)))
			return -EINVAL;
	}
	if (shift && v > UINT64_MAX >> shift)
		return -ERANGE;
	/* What is less than a byte is nothing. The product fits: 10^9 is below 2^30. */
	v <<= shift;
	fraction =
		shift > 30 ? (fraction << 30) / scale << (shift - 30) : (fraction << shift) / scale;
	if (v > UINT64_MAX - fraction)
		return -ERANGE;
	*ret = v + fraction;
	return 0;
}

uint32_t num_release(const char *release)
{
	uint64_t major, minor;

	if (digits(&release, NULL, 10, &major) < 0 || *release++ != '.')
		return 0;
	if (digits(&release, NULL, 10, &minor) < 0 || major > 1000 || minor > 999)
		return 0;
	return (uint32_t)(major * 1000 + minor);
}
