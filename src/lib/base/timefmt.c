/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/timefmt.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	DAY = 86400,
	DAYS_400 = 146097,  /* of 400 years */
	DAYS_0000 = 719468, /* from 1 March of year 0 to 1970 */
};

/*
 * By hand: gmtime_r() and strftime() open /etc/localtime on first use, which a sandboxed program
 * may not, and which costs every start. Years begin in March here, so that the leap day is last.
 */
char *timefmt_rfc3339(const struct timespec *t, char buf[TIMEFMT_MAX])
{
	int64_t s = t->tv_sec;
	unsigned day, year, month, era;
	int64_t days;

	/* Beyond the four digits of the format there is nothing sensible to say. */
	if (s < -INT64_C(62167219200) || s > INT64_C(253402300799))
		s = 0;
	days = s / DAY - (s % DAY < 0);
	s -= days * DAY;
	days += DAYS_0000 + DAYS_400; /* not negative: year 0 is one era later */
	era = (unsigned)(days / DAYS_400);
	day = (unsigned)(days % DAYS_400);
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	day -= (153 * month + 2) / 5;
	month = month < 10 ? month + 3 : month - 9;
	year += era * 400 - 400 + (month <= 2);
	(void)snprintf(buf, TIMEFMT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%09ldZ", year, month,
		       day + 1, (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60),
		       t->tv_nsec);
	return buf;
}

char *timefmt_now(char buf[TIMEFMT_MAX])
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return timefmt_rfc3339(&t, buf);
}

static int parse_digits(const char **s, int n, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -EINVAL;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return 0;
}

static int parse_zone(const char *s, long *ret)
{
	int sign, h, m, r;

	if ((*s == 'Z' || *s == 'z') && !s[1]) {
		*ret = 0;
		return 0;
	}
	if (*s != '+' && *s != '-')
		return -EINVAL;
	sign = *s++ == '-' ? -1 : 1;
	r = parse_digits(&s, 2, &h);
	if (r < 0 || *s++ != ':')
		return -EINVAL;
	r = parse_digits(&s, 2, &m);
	if (r < 0 || *s || h > 23 || m > 59)
		return -EINVAL;
	*ret = sign * (h * 3600L + m * 60L);
	return 0;
}

int timefmt_parse(const char *s, struct timespec *ret)
{
	static const char after[] = "--T:::";
	static const int width[] = { 4, 2, 2, 2, 2, 2 };
	int v[6], r;
	long ns = 0, scale = 100000000, zone;
	struct tm tm;
	time_t t;

	for (int i = 0; i < 6; i++) {
		r = parse_digits(&s, width[i], &v[i]);
		if (r < 0)
			return r;
		if (i < 5 && *s++ != after[i] && !(i == 2 && (s[-1] == 't' || s[-1] == ' ')))
			return -EINVAL;
	}
	if (*s == '.') {
		if (s[1] < '0' || s[1] > '9')
			return -EINVAL;
		for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
			ns += (*s - '0') * scale;
	}
	r = parse_zone(s, &zone);
	if (r < 0)
		return r;
	if (v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60)
		return -EINVAL;
	tm = (struct tm){ .tm_year = v[0] - 1900,
			  .tm_mon = v[1] - 1,
			  .tm_mday = v[2],
			  .tm_hour = v[3],
			  .tm_min = v[4],
			  .tm_sec = v[5] };
	t = timegm(&tm);
	/* timegm() takes a 31 February and turns it into March; :60 is a leap second. */
	if (tm.tm_mon != v[1] - 1 && v[5] != 60)
		return -EINVAL;
	*ret = (struct timespec){ .tv_sec = t - zone, .tv_nsec = ns };
	return 0;
}

char *timefmt_age(long s, char buf[TIMEFMT_MAX])
{
	static const struct {
		long below, unit;
		const char *prefix, *word; /* prefix without a number where word is NULL */
	} rows[] = {
		{ 1, 1, "Less than a second", NULL },
		{ 2, 1, "1 second", NULL },
		{ 60, 1, "", "seconds" },
		{ 120, 1, "About a minute", NULL },
		{ 3600, 60, "", "minutes" },
		{ 2 * 3600, 3600, "About an hour", NULL },
		{ 48 * 3600, 3600, "", "hours" },
		{ 14 * 86400, 86400, "", "days" },
		{ 60 * 86400, 7 * 86400, "", "weeks" },
		{ 730 * 86400L, 30 * 86400, "", "months" },
		{ LONG_MAX, 365 * 86400L, "", "years" },
	};

	size_t i = 0;

	/* docker rounds to the nearest hour, then cuts. */
	if (s >= 3600)
		s = (s / 3600 + (s % 3600 >= 1800)) * 3600;
	while (i + 1 < ARRAY_SIZE(rows) && s >= rows[i].below)
		i++;
	if (rows[i].word)
		(void)snprintf(buf, TIMEFMT_MAX, "%ld %s", s / rows[i].unit, rows[i].word);
	else
		(void)snprintf(buf, TIMEFMT_MAX, "%s", rows[i].prefix);
	return buf;
}
