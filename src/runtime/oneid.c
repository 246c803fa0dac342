/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/oneid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/hostdiag.h"

enum {
	MAP_SIZE_MAX = 64 << 10,
};

int ids_take(const struct ids *ids)
{
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0 ||
	    setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return -errno;
	return 0;
}

/* The first id inside, and whether it is the only one. */
static int read_map(pid_t pid, const char *name, uint32_t *ret_first, bool *ret_single,
		    struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(fd_closep) int fd = -1;
	uint32_t row[3];
	char path[48];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, "open %s", path);
	r = fd_read_to_end(fd, MAP_SIZE_MAX, &text, NULL);
	if (r < 0)
		return error_code(err, r, "read %s", path);
	if (idmap_parse_row(text, row) < 0)
		return error_set(err, -ESRCH, "the container has just ended");
	*ret_first = row[0];
	*ret_single = row[2] == 1 && str_eq(text + strcspn(text, "\n"), "\n");
	return 0;
}

int ids_read(pid_t pid, struct ids *ret, struct error *err)
{
	bool one_uid = false, one_gid = false;
	uint32_t uid = 0, gid = 0;
	int r = read_map(pid, "uid_map", &uid, &one_uid, err);

	if (r == 0)
		r = read_map(pid, "gid_map", &gid, &one_gid, err);
	if (r < 0)
		return r;
	*ret = (struct ids){ .single = one_uid && one_gid, .uid = uid, .gid = gid };
	return 0;
}

static int refuse(const struct ids *ids, const struct user *u, struct error *err)
{
	error_set(err, -EPERM, "user %u:%u cannot be had: this container has one id, %u:%u", u->uid,
		  u->gid, ids->uid, ids->gid);
	if (ids->why != DCODE_NONE)
		hostdiag_one_id(ids->why, err);
	else
		error_hint(err, "it was started with --here, as you and nobody else");
	error_exit(err, EXIT_OURS);
	return -EPERM;
}

/* The group may be left out, then it is 0 without an entry in the image's /etc/passwd. */
static bool group_fits(const struct ids *ids, const struct user *u, bool asked)
{
	return !asked || u->gid == 0 || u->gid == ids->gid;
}

int ids_fit(const struct ids *ids, bool asked, struct user *u, struct error *err)
{
	if (!ids->single)
		return 0;
	if (asked && (u->uid != ids->uid || !group_fits(ids, u, asked)))
		return refuse(ids, u, err);
	u->uid = ids->uid;
	u->gid = ids->gid;
	u->n_groups = 0; /* the caller's come along: nobody may change them */
	return 0;
}

void ids_here(uid_t uid, gid_t gid, const char *home, struct user *u, struct ids *ret)
{
	*ret = (struct ids){ .single = true, .uid = uid, .gid = gid };
	*u = (struct user){ .uid = uid, .gid = gid, .home = "/" };
	ignore_result(str_copy(u->home, sizeof(u->home), home)); /* too long: "/" */
}

int ids_choose(const struct idmap *map, bool asked, struct user *u, struct ids *ret,
	       struct error *err)
{
	struct ids ids = { .single = idmap_is_single(map),
			   .why = map->why != DCODE_NONE ? map->why : DCODE_NO_SUBID };
	int r;

	if (ids.single && u->uid == map->uid0) {
		ids.uid = map->uid0;
		ids.gid = map->gid0;
	}
	if (ids.single && !asked && u->uid != ids.uid)
		log_warn(ids.why, "the image's user %u:%u is root here: there is one id only",
			 u->uid, u->gid);
	r = ids_fit(&ids, asked, u, err);
	if (r == 0)
		*ret = ids;
	return r;
}

/* What a program of the image has to know to live with answers, where it asks back. */
static const struct oneid_file files[] = {
	/* apt's methods become user _apt, look whether they are, and give up. */
	{ "/etc/apt/apt.conf.d", "zz-carrel-one-id", "/etc/apt/apt.conf.d/zz-carrel-one-id",
	  "// One id: there is no _apt to become.\nAPT::Sandbox::User \"root\";\n" },
};

const struct oneid_file *oneid_next_file(int root, const struct oneid_file *last)
{
	const struct oneid_file *f = last ? last + 1 : files;

	for (; f < files + ARRAY_SIZE(files); f++) {
		_cleanup_(fd_closep) int dir =
			path_open_in_root(root, f->dir, O_PATH | O_DIRECTORY, 0);

		if (dir >= 0)
			return f;
	}
	return NULL;
}
