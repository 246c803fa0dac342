/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/procstat.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"

/* Fields of proc_pid_stat(5), as the page numbers them. */
enum {
	PARENT = 4,
	FLAGS = 9,
	TIMES_FIRST = 14,
	TIMES_LAST = 17,
	THREADS = 20,
	START_TIME = 22,
	RSS = 24,
	FIELDS = RSS + 1,
	TEXT_MAX = 1024, /* the fields up to RSS take half of it */
};

/* Some of those between may be negative (a terminal's group, nice), none of those above. */
static int field(const char **s, const char *end, uint64_t *ret)
{
	const char *p = *s;
	int r;

	if (p == end || *p++ != ' ')
		return -EINVAL;
	p += p < end && *p == '-';
	r = num_scan(&p, end, ret);
	/* At the end of the text it may be half a number. */
	if (r < 0 || p == end)
		return -EINVAL;
	*s = p;
	return 0;
}

int procstat_parse(const char *s, size_t n, struct procstat *ret)
{
	/* The name may hold blanks, parentheses and line ends: the last ')' is the line's own. */
	const char *end = s + n, *p = memrchr(s, ')', n);
	uint64_t f[FIELDS], ticks = 0;
	char state;

	if (!p || end - p < 3 || p[1] != ' ')
		return -EINVAL;
	state = p[2];
	p += 3;
	for (int i = PARENT; i < FIELDS; i++) {
		int r = field(&p, end, &f[i]);

		if (r < 0)
			return r;
	}
	for (int i = TIMES_FIRST; i <= TIMES_LAST; i++)
		ticks += f[i];
	*ret = (struct procstat){
		.state = state,
		.parent = f[PARENT],
		.flags = f[FLAGS],
		.ticks = ticks,
		.threads = f[THREADS],
		.start_time = f[START_TIME],
		.rss_pages = f[RSS],
	};
	return 0;
}

int procstat_read(int fd, struct procstat *ret)
{
	char text[TEXT_MAX];
	ssize_t n = fd_read_text(fd, text, sizeof(text));

	return n < 0 ? (int)n : procstat_parse(text, (size_t)n, ret);
}
