/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/views.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

enum {
	MOUNTINFO_MAX = 64 << 20,
	FIELDS = 5, /* id, parent, device, root, mount point */
};

struct views_row {
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

static bool parse_row(char *line, struct views_row *ret)
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
	*ret = (struct views_row){ .device = fields[2], .root = fields[3], .point = fields[4] };
	return num_u64(fields[0], &ret->id) == 0;
}

static char *joined(const char *dir, const char *rest)
{
	return xasprintf("%s%s", str_eq(dir, "/") && *rest == '/' ? "" : dir, rest);
}

static void add(struct view_list *list, char *path, uint64_t mnt_id, bool part)
{
	list->v = array_grow(list->v, list->n, &list->cap, sizeof(*list->v));
	list->v[list->n++] = (struct view){ .path = path, .mnt_id = mnt_id, .part = part };
}

/* One row shows it from its root on, or has its root in it. */
static void add_view(const struct views_row *r, const char *inner, struct view_list *ret)
{
	const char *rest = path_below(inner, r->root);

	if (rest)
		add(ret, joined(r->point, str_eq(rest, "/") ? "" : rest), r->id, false);
	else if (path_below(r->root, inner))
		add(ret, xstrdup(r->point), r->id, true);
}

void views_parse(char *mountinfo, struct views *ret)
{
	size_t cap = 0;

	*ret = (struct views){ .text = mountinfo };
	for (char *line = mountinfo, *next; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		ret->rows = array_grow(ret->rows, ret->n, &cap, sizeof(*ret->rows));
		if (parse_row(line, &ret->rows[ret->n]))
			ret->n++;
	}
}

int views_load(struct views *ret, struct error *err)
{
	char *text;
	int r = path_load(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);

	if (r < 0)
		return error_code(err, r, "read /proc/self/mountinfo");
	views_parse(text, ret);
	return 0;
}

void views_done(struct views *v)
{
	free(TAKE_PTR(v->rows));
	free(TAKE_PTR(v->text));
	v->n = 0;
}

void views_list(const struct views *v, uint64_t mnt_id, const char *dir, struct view_list *ret)
{
	_cleanup_(freep) char *inner = NULL;
	const char *device = NULL;

	for (size_t i = 0; i < v->n; i++) {
		const struct views_row *r = &v->rows[i];

		if (r->id != mnt_id || !path_below(dir, r->point))
			continue;
		free(inner);
		device = r->device;
		inner = joined(r->root, path_below(dir, r->point));
	}
	add(ret, xstrdup(dir), mnt_id, false);
	for (size_t i = 0; device && i < v->n; i++)
		if (v->rows[i].id != mnt_id && str_eq(v->rows[i].device, device))
			add_view(&v->rows[i], inner, ret);
}

int views_find(const struct views *v, const char *dir, struct view_list *ret, struct error *err)
{
	struct statx st;

	if (statx(AT_FDCWD, dir, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) < 0)
		return error_sys(err, "look at %s", dir);
	views_list(v, st.stx_mnt_id, dir, ret);
	return 0;
}

bool view_is_reached(const struct view *v)
{
	_cleanup_(freep) char *path = xstrdup(v->path);
	struct statx st;

	while (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) < 0) {
		char *slash = strrchr(path, '/');

		if ((errno != ENOENT && errno != ENOTDIR) || slash == path)
			return true;
		*slash = '\0';
	}
	return st.stx_mnt_id == v->mnt_id;
}

void view_list_done(struct view_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(TAKE_PTR(l->v));
	l->n = l->cap = 0;
}
