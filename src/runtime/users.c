/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/users.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

enum {
	LINE_FIELDS = 7,
	LINE_LEN_MAX = 64 << 10, /* groups with thousands of members exist */
	NAME_LEN_MAX = 256,
};

/* One line split at colons; the pointers lead into the file's text. */
struct fields {
	const char *p[LINE_FIELDS];
	size_t len[LINE_FIELDS];
	unsigned n;
};

static const char *split_line(const char *text, struct fields *f)
{
	size_t line = strcspn(text, "\n"), at = 0;

	f->n = 0;
	while (f->n < LINE_FIELDS && at <= line && line <= LINE_LEN_MAX) {
		const char *colon = memchr(text + at, ':', line - at);
		size_t end = colon && f->n + 1 < LINE_FIELDS ? (size_t)(colon - text) : line;

		f->p[f->n] = text + at;
		f->len[f->n++] = end - at;
		at = end + 1;
	}
	return text + line + (text[line] == '\n');
}

static bool field_is(const struct fields *f, unsigned i, const char *s)
{
	return f->len[i] == strlen(s) && memcmp(f->p[i], s, f->len[i]) == 0;
}

static bool field_id(const struct fields *f, unsigned i, uint32_t *ret)
{
	char s[16];

	if (f->len[i] >= sizeof(s))
		return false;
	memcpy(s, f->p[i], f->len[i]);
	s[f->len[i]] = '\0';
	return num_u32(s, ret) == 0;
}

/* A number is always an id, as in docker: an image cannot name its root "1000". */
static bool find_user(const char *passwd, const char *word, struct user *u, char *name)
{
	struct fields f;
	uint32_t want, uid, gid;
	bool by_id = num_u32(word, &want) == 0;

	for (const char *p = passwd; p && *p;) {
		p = split_line(p, &f);
		if (f.n < 6 || !field_id(&f, 2, &uid) || !field_id(&f, 3, &gid))
			continue;
		if (by_id ? uid != want : !field_is(&f, 0, word))
			continue;
		u->uid = uid;
		u->gid = gid;
		if (f.len[5] > 0 && f.len[5] < sizeof(u->home) && f.p[5][0] == '/') {
			memcpy(u->home, f.p[5], f.len[5]);
			u->home[f.len[5]] = '\0';
		}
		if (f.len[0] >= NAME_LEN_MAX)
			return true;
		memcpy(name, f.p[0], f.len[0]);
		name[f.len[0]] = '\0';
		return true;
	}
	return false;
}

static bool find_group(const char *group, const char *word, gid_t *ret)
{
	struct fields f;
	uint32_t gid;

	for (const char *p = group; p && *p;) {
		p = split_line(p, &f);
		if (f.n >= 3 && field_is(&f, 0, word) && field_id(&f, 2, &gid)) {
			*ret = gid;
			return true;
		}
	}
	return false;
}

static bool is_member(const struct fields *f, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0; at < f->len[3];) {
		const char *s = f->p[3] + at;
		const char *comma = memchr(s, ',', f->len[3] - at);
		size_t len = comma ? (size_t)(comma - s) : f->len[3] - at;

		if (len == n && memcmp(s, name, n) == 0)
			return true;
		at += len + 1;
	}
	return false;
}

static void add_group(struct user *u, gid_t gid)
{
	for (unsigned i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return;
	if (u->n_groups < USERS_GROUPS_MAX)
		u->groups[u->n_groups++] = gid;
}

static void add_memberships(const char *group, const char *name, struct user *u)
{
	struct fields f;
	uint32_t gid;

	for (const char *p = group; p && *p;) {
		p = split_line(p, &f);
		if (f.n >= 4 && field_id(&f, 2, &gid) && is_member(&f, name))
			add_group(u, gid);
	}
}

static int unknown(struct error *err, const char *what, const char *word)
{
	error_set(err, -ENOENT, "unable to find %s %s: no matching entries in the image's /etc/%s",
		  what, word, str_eq(what, "user") ? "passwd" : "group");
	error_hint(err, "a number works without an entry there");
	error_exit(err, EXIT_OURS);
	return -ENOENT;
}

/* (uid_t)-1 means "leave it as it is" to setresuid(2): the command would run as root. */
static int check_ids(const struct user *u, struct error *err)
{
	if (u->uid != (uid_t)-1 && u->gid != (gid_t)-1)
		return 0;
	return error_set(err, -EINVAL, "4294967295 is no user or group id");
}

int users_resolve(const char *spec, const char *passwd, const char *group, struct user *ret,
		  struct error *err)
{
	char word[NAME_LEN_MAX], name[NAME_LEN_MAX] = "";
	const char *colon = strchr(spec, ':');
	size_t n = colon ? (size_t)(colon - spec) : strlen(spec);
	struct user u = { .home = "/" };
	uint32_t id;

	if (n >= sizeof(word))
		return error_set(err, -EINVAL, "a user name of %zu bytes", n);
	memcpy(word, spec, n);
	word[n] = '\0';
	if (!find_user(passwd, n ? word : "0", &u, name)) {
		if (n && num_u32(word, &id) < 0)
			return unknown(err, "user", word);
		u.uid = n ? id : 0;
	}
	if (colon && colon[1]) {
		if (num_u32(colon + 1, &id) == 0)
			u.gid = id;
		else if (!find_group(group, colon + 1, &u.gid))
			return unknown(err, "group", colon + 1);
		add_group(&u, u.gid);
	} else {
		add_group(&u, u.gid);
		if (name[0])
			add_memberships(group, name, &u);
	}
	*ret = u;
	return check_ids(&u, err);
}

/* NULL where there is no such file, or where it is no file at all. */
static int read_file(int root_fd, const char *path, char **ret, struct error *err)
{
	_cleanup_(fd_closep) int fd =
		path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	int r;

	*ret = NULL;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = fd_read_to_end(fd, USERS_FILE_MAX, ret, NULL);
	return r < 0 ? error_code(err, r, "read the image's %s", path) : 0;
}

/* Of such words the files tell no more than a home and memberships. */
static bool is_numeric(const char *spec)
{
	return spec[strspn(spec, "0123456789:")] == '\0';
}

int users_lookup(int root_fd, const char *spec, struct user *ret, struct error *err)
{
	_cleanup_(freep) char *passwd = NULL, *group = NULL;
	int r = read_file(root_fd, "/etc/passwd", &passwd, err);

	if (r == 0)
		r = read_file(root_fd, "/etc/group", &group, err);
	if (r == -EFBIG && is_numeric(spec)) {
		error_clear(err);
		r = 0;
	}
	return r < 0 ? r : users_resolve(spec, passwd, group, ret, err);
}

int users_with_line(int root_fd, const char *path, const char *line, char **ret, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	int r = read_file(root_fd, path, &text, err);

	if (r == 0)
		*ret = xasprintf("%s%s", line, text ? text : "");
	return r;
}
