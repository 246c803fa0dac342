/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/path.h"
#include "storage/marker.h"

/* A hash for a name, no secret. */
static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * UINT64_C(0x100000001b3);
	return h;
}

static int open_runtime(struct store *s, struct error *err)
{
	_cleanup_(freep) char *base = NULL;
	_cleanup_(fd_closep) int fd = -1;
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	char name[17];
	struct stat st;

	fd = dirs_open_runtime(&base, err);
	if (fd < 0)
		return fd;
	if (fstat(s->root_fd, &st) < 0)
		return error_sys(err, "look at %s", s->path);
	h = mix(mix(h, s->uuid, strlen(s->uuid)), &st.st_ino, sizeof(st.st_ino));
	(void)snprintf(name, sizeof(name), "%016llx", (unsigned long long)h);
	if (mkdirat(fd, name, 0700) < 0 && errno != EEXIST)
		return error_sys(err, "make %s/%s", base, name);
	s->runtime_fd = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->runtime_fd < 0)
		return error_sys(err, "open %s/%s", base, name);
	s->runtime_path = xasprintf("%s/%s", base, name);
	return 0;
}

static int open_root(struct store *s, enum store_flags flags, struct error *err)
{
	int r;

	s->root_fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0 && errno == ENOENT && (flags & STORE_CREATE)) {
		r = path_mkdir_all(s->path, 0700);
		if (r < 0)
			return store_error(err, r, "make the store %s", s->path);
		s->root_fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->root_fd >= 0)
		return 0;
	r = -errno;
	error_code(err, r, "open the store %s", s->path);
	if (r == -ENOENT)
		error_hint(err, "nothing was pulled yet: `carrel pull IMAGE` makes it");
	else
		error_hint(err, "it must be a directory of yours; --root or CARREL_ROOT names "
				"another one");
	return r;
}

static int check_owner(const struct store *s, struct error *err)
{
	struct stat st;

	if (fstat(s->root_fd, &st) < 0)
		return error_sys(err, "look at %s", s->path);
	if (st.st_uid == geteuid())
		return 0;
	error_set(err, -EPERM, "the store %s belongs to user id %u, not to you (%u)", s->path,
		  st.st_uid, geteuid());
	error_hint(err, "use a directory of your own by --root or CARREL_ROOT");
	return -EPERM;
}

static int open_marker(struct store *s, enum store_flags flags, struct error *err)
{
	int r;

	r = marker_read(s->root_fd, s->path, s->uuid, err);
	if (r == -ENOENT && (flags & STORE_CREATE)) {
		r = marker_make(s->root_fd, s->path, err);
		if (r == 0)
			r = marker_read(s->root_fd, s->path, s->uuid, err);
	}
	if (r == -ENOENT) {
		error_set(err, r, "%s is not a carrel store", s->path);
		error_hint(err, "`carrel pull IMAGE` makes one in an empty or new directory");
	}
	return r;
}

int store_open(const char *path, enum store_flags flags, struct store **ret, struct error *err)
{
	_cleanup_(store_closep) struct store *s = xcalloc(1, sizeof(*s));
	int r;

	s->root_fd = s->runtime_fd = s->claims_fd = -1;
	s->path = xstrdup(path);
	id_node(s->node);
	r = open_root(s, flags, err);
	if (r == 0 && !(flags & STORE_READONLY))
		r = check_owner(s, err);
	if (r == 0)
		r = open_marker(s, flags, err);
	if (r < 0)
		return r;
	r = open_runtime(s, err);
	if (r < 0 && !(flags & STORE_READONLY))
		return r;
	if (r < 0)
		error_clear(err);
	*ret = TAKE_PTR(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	fd_close(s->root_fd);
	fd_close(s->runtime_fd);
	fd_close(s->claims_fd);
	free(s->path);
	free(s->runtime_path);
	free(s);
}

int store_dir(struct store *s, const char *name)
{
	int fd = openat(s->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int store_names(int dirfd, const char *dir, struct strv *ret)
{
	int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(fd);
	if (!d) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	for (errno = 0; (e = readdir(d)); errno = 0)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			strv_add(ret, e->d_name);
	r = -errno;
	(void)closedir(d);
	return r;
}

int store_lock(struct store *s, struct error *err)
{
	int fd = lock_wait(s->root_fd, "lock");

	if (fd < 0)
		return store_error(err, fd, "lock the store %s", s->path);
	return fd;
}

int store_trash(struct store *s, int dirfd, const char *name, struct error *err)
{
	char to[6 + ID_TEMP_LEN + 1] = "trash/";
	int r;

	id_temp(to + strlen(to));
	if (renameat(dirfd, name, s->root_fd, to) == 0)
		return 0;
	r = -errno; /* ENOENT is the name's, or for want of trash/ */
	if (r == -ENOENT && mkdirat(s->root_fd, "trash", 0700) == 0)
		r = renameat(dirfd, name, s->root_fd, to) < 0 ? -errno : 0;
	if (r == 0)
		return 0;
	return store_error(err, r, "move %s to the trash of %s", name, s->path);
}

static int open_blobs(struct store *s, struct error *err)
{
	int fd = store_dir(s, "blobs/sha256");

	return fd < 0 ? store_error(err, fd, "open %s/blobs", s->path) : fd;
}

/* What is there may have been damaged since: a pull mends it. */
static bool has_content(int dir, const char *name, const void *p, size_t n)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;

	return path_read(dir, name, n, &text, &len) == 0 && len == n && memcmp(text, p, n) == 0;
}

int store_blob_put(struct store *s, const struct digest *d, const void *p, size_t n,
		   struct error *err)
{
	_cleanup_(fd_closep) int dir = -1, lock = -1;
	int r;

	/* The lock keeps a removal from judging between the claim and the file. */
	lock = store_lock(s, err);
	if (lock < 0)
		return lock;
	dir = open_blobs(s, err);
	if (dir < 0)
		return dir;
	r = store_claim(s, d, err);
	if (r < 0)
		return r;
	if (has_content(dir, d->hex, p, n))
		return 0;
	r = file_publish(dir, d->hex, p, n, 0644, FILE_DURABLE);
	return r < 0 ? store_error(err, r, "write blob sha256:%s", d->hex) : 0;
}

int store_blob_read(struct store *s, const struct digest *d, size_t max, char **ret,
		    size_t *ret_len, struct error *err)
{
	_cleanup_(fd_closep) int dir = open_blobs(s, err);
	int r;

	if (dir < 0)
		return dir;
	r = path_read(dir, d->hex, max, ret, ret_len);
	if (r < 0) {
		error_code(err, r, "read blob sha256:%s", d->hex);
		error_hint(err, "pull the image again: that writes it anew");
	}
	return r;
}
