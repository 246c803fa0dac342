/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"

/* The next field, NUL-terminated into buf; *p moves behind it. */
static int take_field(const char **p, const char *end, char *buf, size_t size)
{
	const char *stop = memchr(*p, ' ', (size_t)(end - *p));
	size_t n = (size_t)((stop ? stop : end) - *p);

	if (n == 0 || n >= size)
		return -EINVAL;
	memcpy(buf, *p, n);
	buf[n] = '\0';
	*p = stop ? stop + 1 : end;
	return 0;
}

static int take_number(const char **p, const char *end, uint64_t *ret)
{
	char text[24];
	int r = take_field(p, end, text, sizeof(text));

	return r < 0 ? r : num_u64(text, ret);
}

/* The kernel writes blanks, tabs, newlines and backslashes as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

int mountinfo_parse(const char *line, size_t len, struct mountinfo *ret)
{
	const char *p = line, *end = line + len;
	char skipped[4096];

	if (take_number(&p, end, &ret->id) < 0 || take_number(&p, end, &ret->parent) < 0 ||
	    take_field(&p, end, skipped, sizeof(skipped)) < 0 || /* device */
	    take_field(&p, end, skipped, sizeof(skipped)) < 0 || /* root in it */
	    take_field(&p, end, ret->target, sizeof(ret->target)) < 0 ||
	    take_field(&p, end, ret->options, sizeof(ret->options)) < 0)
		return -EINVAL;
	unescape(ret->target);
	do
		if (take_field(&p, end, skipped, sizeof(skipped)) < 0)
			return -EINVAL;
	while (!str_eq(skipped, "-"));
	if (take_field(&p, end, ret->type, sizeof(ret->type)) < 0)
		return -EINVAL;
	/* The source may be empty, which leaves two blanks. */
	if (p < end && *p == ' ')
		p++;
	else if (take_field(&p, end, skipped, sizeof(skipped)) < 0)
		return -EINVAL;
	if (take_field(&p, end, ret->super, sizeof(ret->super)) < 0)
		ret->super[0] = '\0';
	return 0;
}

int mountinfo_find(const char *text, bool (*want)(const struct mountinfo *m, const void *data),
		   const void *data, struct mountinfo *ret)
{
	struct mountinfo m;
	int r = -ENOENT;

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (mountinfo_parse(text, n, &m) == 0 && want(&m, data)) {
			*ret = m;
			r = 0;
		}
		text += n + (text[n] == '\n');
	}
	return r;
}

static bool has_id(const struct mountinfo *m, const void *data)
{
	return m->id == *(const uint64_t *)data;
}

static bool has_target(const struct mountinfo *m, const void *data)
{
	return str_eq(m->target, data);
}

int mountinfo_by_id(const char *text, uint64_t id, struct mountinfo *ret)
{
	return mountinfo_find(text, has_id, &id, ret);
}

int mountinfo_by_target(const char *text, const char *target, struct mountinfo *ret)
{
	return mountinfo_find(text, has_target, target, ret);
}

int mountinfo_of_fd(int fd, struct mountinfo *ret)
{
	_cleanup_(fd_closep) int info = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	struct statx sx;
	int r;

	if (info < 0)
		return -errno;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
		return -errno;
	if (!(sx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	r = fd_read_to_end(info, MOUNTINFO_SIZE_MAX, &text, NULL);
	return r < 0 ? r : mountinfo_by_id(text, sx.stx_mnt_id, ret);
}

bool mountinfo_has_option(const struct mountinfo *m, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = m->options; *s; s += s[0] == ',') {
		size_t n = strcspn(s, ",");

		if (n == len && memcmp(s, word, n) == 0)
			return true;
		s += n;
	}
	return false;
}

uint64_t mountinfo_size(const struct mountinfo *m)
{
	char value[24];
	uint64_t v;

	for (const char *s = m->super; *s; s += s[0] == ',') {
		size_t n = strcspn(s, ",");

		if (str_starts(s, "size=") &&
		    str_print(value, sizeof(value), "%.*s", (int)n - 5, s + 5) == 0)
			return num_size(value, &v) == 0 ? v : 0;
		s += n;
	}
	return 0;
}
