/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/account.h"
#include "base/num.h"
#include "base/path.h"
#include "runtime/inside.h"

enum {
	SUBID_SIZE_MAX = 16 << 20, /* a site with 300,000 users fits */
	LINE_MAX_LEN = 512,
	FREE_FIRST = 100000, /* SUB_UID_MIN of login.defs(5) */
	ROOT_IDS_MIN = 2,    /* id 0 and at least one more */
};

/* "OWNER:FIRST:COUNT" in a scratch copy of the line. */
static bool parse_line(char *line, const char **ret_owner, struct idmap_extent *ret)
{
	char *first = strchr(line, ':');
	char *count = first ? strchr(first + 1, ':') : NULL;

	if (!count)
		return false;
	*first++ = '\0';
	*count++ = '\0';
	*ret_owner = line;
	if (num_u32(first, &ret->host) < 0 || num_u32(count, &ret->count) < 0)
		return false;
	return ret->count > 0 && ret->host <= UINT32_MAX - ret->count;
}

static bool is_owner(const char *s, const char *name, uid_t uid)
{
	uint32_t n;

	if (name && str_eq(s, name))
		return true;
	return num_u32(s, &n) == 0 && n == uid;
}

static bool contains(const struct idmap_extent *e, uint32_t id)
{
	return id >= e->host && id - e->host < e->count;
}

/* Copies the next line into buf (cut lines become empty); NULL at the end. */
static const char *next_line(const char *p, char buf[LINE_MAX_LEN])
{
	size_t n = strcspn(p, "\n");

	if (!*p)
		return NULL;
	buf[0] = '\0';
	if (n < LINE_MAX_LEN) {
		memcpy(buf, p, n);
		buf[n] = '\0';
	}
	return p + n + (p[n] == '\n');
}

unsigned idmap_parse(const char *text, const char *name, uid_t owner, uint32_t own, uint32_t max,
		     struct idmap_extent ret[IDMAP_EXTENTS_MAX])
{
	char line[LINE_MAX_LEN];
	unsigned n = 0;

	while (max && n < IDMAP_EXTENTS_MAX && (text = next_line(text, line))) {
		struct idmap_extent e;
		const char *who;

		if (!parse_line(line, &who, &e) || !is_owner(who, name, owner))
			continue;
		/* The kernel refuses a map that names a host id twice; 0 is never mapped. */
		if (contains(&e, 0) || contains(&e, own))
			continue;
		if (e.count > max)
			e.count = max;
		max -= e.count;
		ret[n++] = e;
	}
	return n;
}

/* Splits "  A  B  C" into three numbers. */
static int parse_proc_line(char *line, uint32_t v[3])
{
	char *p = line;

	for (int i = 0; i < 3; i++) {
		size_t n;

		p += strspn(p, " ");
		n = strcspn(p, " ");
		if (p[n])
			p[n++] = '\0';
		if (num_u32(p, &v[i]) < 0)
			return -EINVAL;
		p += n;
	}
	return 0;
}

int idmap_parse_row(const char *text, uint32_t ret[3])
{
	char line[LINE_MAX_LEN];

	return next_line(text, line) ? parse_proc_line(line, ret) : -EINVAL;
}

int idmap_parse_proc(const char *text, uint32_t *ret_own,
		     struct idmap_extent ret[IDMAP_EXTENTS_MAX])
{
	char line[LINE_MAX_LEN];
	uint32_t v[3], next = 1;
	unsigned n = 0;

	text = next_line(text, line);
	if (!text || parse_proc_line(line, v) < 0 || v[0] != 0 || v[2] != 1)
		return -EINVAL;
	*ret_own = v[1];
	while ((text = next_line(text, line))) {
		if (n == IDMAP_EXTENTS_MAX || parse_proc_line(line, v) < 0 || v[0] != next)
			return -EINVAL;
		ret[n++] = (struct idmap_extent){ .host = v[1], .count = v[2] };
		next += v[2];
	}
	return (int)n;
}

int idmap_root_range(const char *file, struct idmap_extent *ret)
{
	_cleanup_(freep) char *text = NULL;
	struct idmap_extent e[IDMAP_EXTENTS_MAX];
	int r = path_load(AT_FDCWD, file, SUBID_SIZE_MAX, &text, NULL);

	if (r < 0)
		return r;
	if (idmap_parse(text, "root", 0, UINT32_MAX, IDMAP_COUNT + 1, e) == 0 ||
	    e[0].count < ROOT_IDS_MIN)
		return -ENOENT;
	*ret = e[0];
	return 0;
}

void idmap_format(struct str_buf *out, uint32_t own, const struct idmap_extent *e, unsigned n)
{
	uint32_t next = 1;

	str_buf_addf(out, "0 %u 1\n", own);
	for (unsigned i = 0; i < n; i++) {
		str_buf_addf(out, "%u %u %u\n", next, e[i].host, e[i].count);
		next += e[i].count;
	}
}

static void sum_up(struct idmap *m)
{
	m->n_uids = m->n_gids = 0;
	for (unsigned i = 0; i < m->n_uid_extents; i++)
		m->n_uids += m->uids[i].count;
	for (unsigned i = 0; i < m->n_gid_extents; i++)
		m->n_gids += m->gids[i].count;
	m->uid1 = m->n_uid_extents ? m->uids[0].host : 0;
	m->gid1 = m->n_gid_extents ? m->gids[0].host : 0;
}

static unsigned add_owners(uint32_t own, const struct idmap_extent *e, unsigned n,
			   struct owners_row *rows)
{
	uint32_t next = 1;

	rows[0] = (struct owners_row){ .id = 0, .host = own, .count = 1 };
	for (unsigned i = 0; i < n; i++) {
		rows[1 + i] = (struct owners_row){ next, e[i].host, e[i].count };
		next += e[i].count;
	}
	return 1 + n;
}

_Static_assert(1 + IDMAP_EXTENTS_MAX <= OWNERS_ROWS_MAX, "a map fits");

struct owners idmap_owners(const struct idmap *m)
{
	bool single = idmap_is_single(m);
	struct owners o;

	o.n_uids = add_owners(m->uid0, m->uids, single ? 0 : m->n_uid_extents, o.uids);
	o.n_gids = add_owners(m->gid0, m->gids, single ? 0 : m->n_gid_extents, o.gids);
	return o;
}

bool idmap_is_single(const struct idmap *m)
{
	return m->n_uid_extents == 0 || m->n_gid_extents == 0;
}

uint32_t idmap_count(const struct idmap *m)
{
	return 1 + (m->n_uids < m->n_gids ? m->n_uids : m->n_gids);
}

void idmap_make_single(struct idmap *m, const struct error *err)
{
	m->n_uid_extents = m->n_gid_extents = 0;
	sum_up(m);
	m->why = err ? err->dcode : DCODE_NONE;
	m->why_text[0] = '\0';
	if (err)
		(void)snprintf(m->why_text, sizeof(m->why_text), "%.*s", IDMAP_WHY_MAX - 1,
			       err->text);
}

static int read_map(pid_t pid, const char *name, uint32_t *ret_own,
		    struct idmap_extent ret[IDMAP_EXTENTS_MAX], unsigned *ret_n)
{
	_cleanup_(freep) char *text = NULL;
	char path[32];
	int r;

	if (pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	else
		(void)snprintf(path, sizeof(path), "/proc/self/%s", name);
	r = path_load(AT_FDCWD, path, SUBID_SIZE_MAX, &text, NULL);
	if (r == 0)
		r = idmap_parse_proc(text, ret_own, ret);
	if (r < 0)
		return r;
	*ret_n = (unsigned)r;
	return 0;
}

int idmap_of(pid_t pid, struct idmap *ret)
{
	struct idmap m = { 0 };
	int r;

	r = read_map(pid, "uid_map", &m.uid0, m.uids, &m.n_uid_extents);
	if (r == 0)
		r = read_map(pid, "gid_map", &m.gid0, m.gids, &m.n_gid_extents);
	if (r < 0)
		return r;
	sum_up(&m);
	*ret = m;
	return 0;
}

/* A program that another carrel process started inside U cannot see the files' numbers anew. */
static int load_inside(struct idmap *ret, struct error *err)
{
	int r = idmap_of(0, ret);

	if (r == -EINVAL)
		return error_set(err, r, "the id map of this process is not carrel's");
	return r < 0 ? error_code(err, r, "read the id map of this process") : 0;
}

/* The range behind a dropped root caller: id 0 is its first id, which this process is. */
static int load_roots(struct idmap *ret, struct error *err)
{
	struct idmap m = { .uid0 = getuid(), .gid0 = getgid() };
	struct idmap_extent u, g;

	if (idmap_root_range("/etc/subuid", &u) < 0 || idmap_root_range("/etc/subgid", &g) < 0 ||
	    u.host != m.uid0 || g.host != m.gid0) {
		error_set(err, -ENOENT, "root's range of subordinate ids is not there any more");
		idmap_error_root(err);
		return -ENOENT;
	}
	m.uids[0] = (struct idmap_extent){ .host = u.host + 1, .count = u.count - 1 };
	m.gids[0] = (struct idmap_extent){ .host = g.host + 1, .count = g.count - 1 };
	if (m.uids[0].count > IDMAP_COUNT - 1)
		m.uids[0].count = IDMAP_COUNT - 1;
	if (m.gids[0].count > IDMAP_COUNT - 1)
		m.gids[0].count = IDMAP_COUNT - 1;
	m.n_uid_extents = m.n_gid_extents = 1;
	sum_up(&m);
	*ret = m;
	return 0;
}

static int load_file(const char *path, const char *name, uint32_t own,
		     struct idmap_extent ret[IDMAP_EXTENTS_MAX], unsigned *ret_n, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	int r = path_load(AT_FDCWD, path, SUBID_SIZE_MAX, &text, NULL);

	if (r < 0 && r != -ENOENT)
		return error_code(err, r, "read %s", path);
	*ret_n = r < 0 ? 0 : idmap_parse(text, name, getuid(), own, IDMAP_COUNT - 1, ret);
	if (*ret_n)
		return 0;
	if (name)
		error_set(err, -ENOENT, "no range for user %s in %s", name, path);
	else
		error_set(err, -ENOENT, "no range for user id %u in %s", getuid(), path);
	error_host(err, DCODE_NO_SUBID);
	return -ENOENT;
}

static int check_host_root(struct error *err)
{
	if (getuid() != 0 && getgid() != 0)
		return 0;
	error_set(err, -EPERM, "host id 0 is never mapped into a container");
	idmap_error_root(err);
	return -EPERM;
}

static int load_files(struct idmap *m, struct error *err)
{
	_cleanup_(account_done) struct account a = { 0 };
	int r;

	ignore_result(account_get(m->uid0, &a)); /* then by number */
	r = load_file("/etc/subuid", a.name, m->uid0, m->uids, &m->n_uid_extents, err);
	if (r == 0)
		r = load_file("/etc/subgid", a.name, m->gid0, m->gids, &m->n_gid_extents, err);
	sum_up(m);
	return r;
}

int idmap_load(struct idmap *ret, struct error *err)
{
	struct idmap m = { .uid0 = getuid(), .gid0 = getgid() };
	struct error none = { 0 };
	int r;

	if (userns_is_inside())
		return load_inside(ret, err);
	if (secure_getenv(IDMAP_MAPPER_ENV))
		return load_roots(ret, err);
	r = check_host_root(err);
	if (r < 0)
		return r;
	r = load_files(&m, &none);
	if (r < 0 && none.dcode != DCODE_NO_SUBID) {
		if (err)
			*err = none;
		return r;
	}
	if (r < 0)
		idmap_make_single(&m, &none);
	*ret = m;
	return 0;
}

/* --- what the doctor tells of the files --- */

static uint64_t count_given(const char *path, const char *name, uint32_t own)
{
	_cleanup_(freep) char *text = NULL;
	struct idmap_extent e[IDMAP_EXTENTS_MAX];
	uint64_t sum = 0;
	unsigned n;

	if (path_load(AT_FDCWD, path, SUBID_SIZE_MAX, &text, NULL) < 0)
		return 0;
	n = idmap_parse(text, name, getuid(), own, UINT32_MAX, e);
	for (unsigned i = 0; i < n; i++)
		sum += e[i].count;
	return sum;
}

void idmap_given(uint64_t *ret_uids, uint64_t *ret_gids)
{
	_cleanup_(account_done) struct account a = { 0 };
	struct idmap_extent u, g;

	*ret_uids = *ret_gids = 0;
	if (userns_is_inside())
		return;
	if (secure_getenv(IDMAP_MAPPER_ENV)) {
		if (idmap_root_range("/etc/subuid", &u) == 0 &&
		    idmap_root_range("/etc/subgid", &g) == 0) {
			*ret_uids = u.count - 1; /* the first one is id 0 */
			*ret_gids = g.count - 1;
		}
		return;
	}
	ignore_result(account_get(getuid(), &a)); /* then by number */
	*ret_uids = count_given("/etc/subuid", a.name, getuid());
	*ret_gids = count_given("/etc/subgid", a.name, getgid());
}

static int compare_extents(const void *a, const void *b)
{
	const struct idmap_extent *x = a, *y = b;

	return (x->host > y->host) - (x->host < y->host);
}

int idmap_free_range(const char *const *texts, size_t n, uint32_t *ret_first)
{
	_cleanup_(freep) struct idmap_extent *all = NULL;
	uint32_t first = FREE_FIRST;
	size_t used = 0, cap = 0;
	char line[LINE_MAX_LEN];

	for (size_t i = 0; i < n; i++) {
		const char *text = texts[i], *who;
		struct idmap_extent e;

		while ((text = next_line(text, line))) {
			if (!parse_line(line, &who, &e))
				continue;
			all = array_grow(all, used, &cap, sizeof(*all));
			all[used++] = e;
		}
	}
	if (used)
		qsort(all, used, sizeof(*all), compare_extents);
	for (size_t i = 0; i < used && all[i].host < (uint64_t)first + IDMAP_COUNT; i++)
		if (all[i].host + all[i].count > first)
			first = all[i].host + all[i].count;
	if (first > UINT32_MAX - IDMAP_COUNT)
		return -ERANGE;
	*ret_first = first;
	return 0;
}

int idmap_find_free(uint32_t *ret_first)
{
	_cleanup_(freep) char *uids = NULL, *gids = NULL, *own = NULL;
	int r = path_load(AT_FDCWD, "/etc/subuid", SUBID_SIZE_MAX, &uids, NULL);

	if (r == 0 || r == -ENOENT)
		r = path_load(AT_FDCWD, "/etc/subgid", SUBID_SIZE_MAX, &gids, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	/* A range with one's own id in it is none (idmap_parse()), and a directory service may give
	 * high ones. */
	own = xasprintf("u:%u:1\ng:%u:1\n", getuid(), getgid());
	return idmap_free_range((const char *const[]){ uids ? uids : "", gids ? gids : "", own }, 3,
				ret_first);
}

void idmap_error_root(struct error *err)
{
	uint32_t first, last;

	if (idmap_find_free(&first) == 0) {
		last = first + IDMAP_COUNT - 1;
		error_hint(err,
			   "usermod --add-subuids %u-%u --add-subgids %u-%u root (if nobody has "
			   "these ids); contrib/try does it",
			   first, last, first, last);
	}
	error_host(err, DCODE_ROOT_SUBID);
}

int idmap_load_single(struct idmap *ret, struct error *err)
{
	int r;

	if (userns_is_inside())
		return load_inside(ret, err);
	r = check_host_root(err);
	if (r < 0)
		return r;
	*ret = (struct idmap){ .uid0 = getuid(), .gid0 = getgid() };
	return 0;
}
