/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/str.h"

/*
 * staging/<node>-<pid>-<random>/	wrappers and claim-<hex> files of one command
 * staging/<node>-<pid>-<random>.lock	held by it; made first, so that no sweep ever sees the
 *					directory of a living command without
 */

static const char lock_suffix[] = ".lock";

static char *lock_name(const char *name, char buf[STORE_STAGING_NAME_MAX + 8])
{
	/* Fits by its size. */
	ignore_result(str_print(buf, STORE_STAGING_NAME_MAX + 8, "%s%s", name, lock_suffix));
	return buf;
}

static int open_staging(struct store *s, struct error *err)
{
	int fd = store_dir(s, "staging");

	if (fd == -ENOENT && mkdirat(s->root_fd, "staging", 0700) == 0)
		fd = store_dir(s, "staging");
	return fd < 0 ? store_error(err, fd, "open %s/staging", s->path) : fd;
}

int store_staging_new(struct store *s, char name[STORE_STAGING_NAME_MAX], int *ret_dirfd,
		      int *ret_lock, struct error *err)
{
	_cleanup_(fd_closep) int dir = -1, lock = -1, fd = -1;
	char random[ID_TEMP_LEN + 1], lname[STORE_STAGING_NAME_MAX + 8];
	int r;

	dir = open_staging(s, err);
	if (dir < 0)
		return dir;
	r = str_print(name, STORE_STAGING_NAME_MAX, "%s-%d-%s", s->node, getpid(), id_temp(random));
	if (r < 0)
		return error_code(err, r, "name a staging directory");
	lock = lock_wait(dir, lock_name(name, lname));
	if (lock < 0)
		return store_error(err, lock, "lock %s/staging/%s", s->path, lname);
	if (mkdirat(dir, name, 0700) == 0)
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		r = store_error(err, -errno, "make %s/staging/%s", s->path, name);
		(void)unlinkat(dir, lname, 0);
		return r;
	}
	fd_close(s->claims_fd);
	s->claims_fd = fd_dup(fd);
	*ret_dirfd = TAKE_FD(fd);
	*ret_lock = TAKE_FD(lock);
	return 0;
}

/* The directory goes before its lock file: a lock without a directory is nothing. */
static int staging_drop(struct store *s, int dir, const char *name, struct error *err)
{
	char lname[STORE_STAGING_NAME_MAX + 8];
	int r = 0;

	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = store_trash(s, dir, name, err);
	if (r == 0)
		(void)unlinkat(dir, lock_name(name, lname), 0);
	return r;
}

void store_staging_end(struct store *s, const char *name, int lock)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "staging");
	struct strv names = { 0 };
	struct error err = { 0 };

	fd_close(TAKE_FD(s->claims_fd));
	if (dir >= 0 && store_names(dir, name, &names) == 0) {
		_cleanup_(fd_closep) int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

		/* Claims are empty files; what else is left goes to trash as a whole. */
		for (size_t i = 0; i < names.n; i++)
			if (str_starts(names.v[i], STAGING_CLAIM))
				(void)unlinkat(fd, names.v[i], 0);
	}
	strv_done(&names);
	if (dir >= 0 && staging_drop(s, dir, name, &err) < 0)
		log_debug("store", "%s", err.text); /* the next sweep takes it */
	fd_close(lock);
}

int staging_mark(struct store *s, const char *prefix, const struct digest *d, struct error *err)
{
	char name[16 + DIGEST_HEX_LEN];
	int fd, r;

	if (s->claims_fd < 0)
		return 0;
	r = str_print(name, sizeof(name), "%s%s", prefix, d->hex);
	if (r < 0)
		return error_code(err, r, "mark sha256:%s", d->hex);
	fd = openat(s->claims_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return store_error(err, -errno, "write %s/staging/*/%s", s->path, name);
	fd_close(fd);
	return 0;
}

void staging_unmark(struct store *s, const char *prefix, const struct digest *d)
{
	char name[16 + DIGEST_HEX_LEN];

	if (s->claims_fd >= 0 && str_print(name, sizeof(name), "%s%s", prefix, d->hex) == 0)
		(void)unlinkat(s->claims_fd, name, 0);
}

int store_claim(struct store *s, const struct digest *d, struct error *err)
{
	return staging_mark(s, STAGING_CLAIM, d, err);
}

bool staging_is_container(const char *name, const char **ret_id)
{
	if (strlen(name) != ID_NODE_LEN + 1 + ID_LEN || name[ID_NODE_LEN] != '-')
		return false;
	*ret_id = name + ID_NODE_LEN + 1;
	return strspn(*ret_id, "0123456789abcdef") == ID_LEN;
}

bool staging_is_local(const struct store *s, const char *node)
{
	return strncmp(node, s->node, ID_NODE_MACHINE_LEN) == 0;
}

static bool has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->v[i], s))
			return true;
	return false;
}

/* Name of the directory that an entry of staging/ stands for, once per directory. */
static int base_name(const struct strv *all, const char *entry, char buf[STORE_STAGING_NAME_MAX])
{
	size_t n = strlen(entry);

	if (!str_ends(entry, lock_suffix))
		return str_copy(buf, STORE_STAGING_NAME_MAX, entry);
	n -= strlen(lock_suffix);
	if (n >= STORE_STAGING_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, entry, n);
	buf[n] = '\0';
	return has(all, buf) ? -EEXIST : 0;
}

/* What is there, and the directory. -ENOENT, without a word: there is none. */
static int list_staging(struct store *s, struct strv *ret_names, struct error *err)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "staging");
	int r;

	if (dir < 0)
		return dir == -ENOENT ? dir : store_error(err, dir, "open %s/staging", s->path);
	r = store_names(dir, ".", ret_names);
	return r < 0 ? store_error(err, r, "read %s/staging", s->path) : TAKE_FD(dir);
}

int staging_collect(struct store *s, struct dead_staging *ret, struct error *err)
{
	_cleanup_(strv_done) struct strv all = { 0 };
	_cleanup_(fd_closep) int dir = list_staging(s, &all, err);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	for (size_t i = 0; i < all.n; i++) {
		char base[STORE_STAGING_NAME_MAX], lname[STORE_STAGING_NAME_MAX + 8];
		int lock;

		if (!staging_is_local(s, all.v[i]) || base_name(&all, all.v[i], base) < 0)
			continue;
		lock = lock_try(dir, lock_name(base, lname));
		if (lock < 0)
			continue; /* alive */
		ret->locks = array_grow(ret->locks, ret->names.n, &ret->cap, sizeof(*ret->locks));
		ret->locks[ret->names.n] = lock;
		strv_add(&ret->names, base);
	}
	return 0;
}

int staging_drop_dead(struct store *s, const struct dead_staging *dead, struct error *err)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "staging");
	int r = dir < 0 ? store_error(err, dir, "open %s/staging", s->path) : 0;

	for (size_t i = 0; r == 0 && i < dead->names.n; i++)
		r = staging_drop(s, dir, dead->names.v[i], err);
	return r;
}

void dead_staging_done(struct dead_staging *dead)
{
	for (size_t i = 0; i < dead->names.n; i++)
		fd_close(dead->locks[i]);
	strv_done(&dead->names);
	free(dead->locks);
}

int staging_claims(struct store *s, const struct dead_staging *dead, struct strv *ret,
		   struct error *err)
{
	_cleanup_(strv_done) struct strv all = { 0 };
	_cleanup_(fd_closep) int dir = list_staging(s, &all, err);
	int r = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		_cleanup_(strv_done) struct strv in = { 0 };
		const char *id;

		if (staging_is_container(all.v[i], &id) || str_ends(all.v[i], lock_suffix) ||
		    has(&dead->names, all.v[i]))
			continue;
		r = store_names(dir, all.v[i], &in);
		for (size_t k = 0; r == 0 && k < in.n; k++)
			if (str_starts(in.v[k], STAGING_CLAIM))
				strv_add(ret, in.v[k] + strlen(STAGING_CLAIM));
	}
	return r < 0 ? store_error(err, r, "read %s/staging", s->path) : 0;
}
