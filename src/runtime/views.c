/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/views.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"

enum {
	MOUNTINFO_MAX = 64 << 20,
	FIELDS = 5, /* id, parent, device, root, mount point */
};

struct row {
	const char *device, *root, *point;
	uint64_t id;
};

/* "\040" and the like. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool parse_row(char *line, struct row *ret)
{
	char *fields[FIELDS];

	for (unsigned i = 0; i < FIELDS; i++) {
		fields[i] = line;
		line += strcspn(line, " ");
		if (!*line)
			return false;
		*line++ = '\0';
	}
	unescape(fields[3]);
	unescape(fields[4]);
	*ret = (struct row){ .device = fields[2], .root = fields[3], .point = fields[4] };
	return num_u64(fields[0], &ret->id) == 0;
}

/* The part of path below dir ("" when they are the same), or NULL. */
static const char *below(const char *path, const char *dir)
{
	size_t n = str_eq(dir, "/") ? 0 : strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0') ? path + n : NULL;
}

static char *joined(const char *dir, const char *rest)
{
	return xasprintf("%s%s", str_eq(dir, "/") && *rest == '/' ? "" : dir, rest);
}

/* One row shows it from its root on, or has its root in it. */
static void add_view(const struct row *r, const char *inner, struct strv *ret)
{
	const char *rest = below(inner, r->root);

	if (rest)
		strv_add_take(ret, joined(r->point, str_eq(rest, "/") ? "" : rest));
	else if (below(r->root, inner))
		strv_add(ret, r->point);
}

void views_parse(char *mountinfo, uint64_t mnt_id, const char *dir, struct strv *ret)
{
	_cleanup_(freep) struct row *rows = NULL;
	_cleanup_(freep) char *inner = NULL;
	const char *device = NULL;
	size_t n = 0, cap = 0;

	for (char *line = mountinfo, *next; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		rows = array_grow(rows, n, &cap, sizeof(*rows));
		if (!parse_row(line, &rows[n]))
			continue;
		if (rows[n].id == mnt_id && below(dir, rows[n].point)) {
			device = rows[n].device;
			inner = joined(rows[n].root, below(dir, rows[n].point));
		}
		n++;
	}
	strv_add(ret, dir);
	for (size_t i = 0; device && i < n; i++)
		if (rows[i].id != mnt_id && str_eq(rows[i].device, device))
			add_view(&rows[i], inner, ret);
}

int views_find(const char *dir, struct strv *ret, struct error *err)
{
	_cleanup_(fd_closep) int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	struct statx st;
	int r;

	if (statx(AT_FDCWD, dir, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) < 0)
		return error_sys(err, "look at %s", dir);
	r = fd < 0 ? -errno : fd_read_to_end(fd, MOUNTINFO_MAX, &text, NULL);
	if (r < 0)
		return error_code(err, r, "read /proc/self/mountinfo");
	views_parse(text, st.stx_mnt_id, dir, ret);
	return 0;
}
