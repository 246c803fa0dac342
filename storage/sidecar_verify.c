/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "storage/dirstack.h"
#include "storage/sidecar.h"

enum {
	PIECE = 256 << 10,
};

struct verify {
	const struct sidecar *s;
	const struct hash *hash; /* NULL: content is not looked at */
	uint8_t *buf;
	struct dirstack stack;
};

static int differs(struct error *err, const struct sidecar_entry *e, const char *what)
{
	return error_set(err, -EUCLEAN, "layer entry %s: %s differs from its record",
			 e->path_len ? e->path : "/", what);
}

static bool link_ok(int base, const char *leaf, const struct sidecar_entry *e)
{
	char target[TAR_PATH_MAX];
	ssize_t n = readlinkat(base, leaf, target, sizeof(target));

	/* A hard link whose symlink was replaced later knows only the name that it was made of. */
	return n >= 0 && (((e->flags & SIDECAR_HARDLINK) && !e->group) ||
			  (n == (ssize_t)e->link_len && memcmp(target, e->link, (size_t)n) == 0));
}

static int verify_stat(const struct sidecar_header *h, const struct sidecar_entry *e,
		       const struct stat *st, struct error *err)
{
	uint32_t uid = sidecar_disk_id(e->uid, h->id_count);
	uint32_t gid = sidecar_disk_id(e->gid, h->id_count);
	uint32_t mode;

	if (e->flags & SIDECAR_WHITEOUT)
		return S_ISCHR(st->st_mode) && st->st_rdev == 0 ? 0 : differs(err, e, "whiteout");
	if ((st->st_mode & S_IFMT) != (e->mode & S_IFMT))
		return differs(err, e, "type");
	if (S_ISREG(e->mode) && (uint64_t)st->st_size != e->size)
		return differs(err, e, "size");
	mode = sidecar_disk_mode(e->mode, e->uid, e->gid, h->id_count);
	if (!S_ISLNK(e->mode) && (st->st_mode & 07777) != (mode & 07777))
		return differs(err, e, "mode");
	if (st->st_uid != uid || st->st_gid != gid)
		return differs(err, e, "owner");
	if (st->st_mtim.tv_sec != e->mtime)
		return differs(err, e, "time");
	return 0;
}

static bool has_digest(const struct sidecar_entry *e)
{
	static const uint8_t none[sizeof(e->sha256)];

	/* Other names of a file that is looked at by its first one cost nothing. */
	return S_ISREG(e->mode) && !(e->flags & SIDECAR_HARDLINK) &&
	       memcmp(e->sha256, none, sizeof(none)) != 0;
}

static int hash_file(struct verify *v, int fd, uint8_t ret[32])
{
	int r = v->hash->ops->init(v->hash->ctx);

	while (r == 0) {
		ssize_t n = read(fd, v->buf, PIECE);

		if (n < 0)
			return -errno;
		if (n == 0)
			return v->hash->ops->final(v->hash->ctx, ret);
		r = v->hash->ops->update(v->hash->ctx, v->buf, (size_t)n);
	}
	return r;
}

static int verify_content(struct verify *v, const struct sidecar_entry *e, int base,
			  const char *leaf, struct error *err)
{
	_cleanup_(fd_closep) int fd =
		openat(base, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint8_t sha256[sizeof(e->sha256)];
	int r = fd < 0 ? -errno : hash_file(v, fd, sha256);

	if (r < 0)
		return error_code(err, r, "read layer entry %s", e->path);
	return memcmp(sha256, e->sha256, sizeof(sha256)) == 0 ? 0 : differs(err, e, "content");
}

static int verify_entry(struct verify *v, const struct sidecar_entry *e, struct error *err)
{
	const char *slash = strrchr(e->path, '/');
	const char *leaf = slash ? slash + 1 : e->path;
	struct stat st;
	int base, r;

	base = dirstack_enter(&v->stack, e->path, slash ? (size_t)(slash - e->path) : 0);
	if (base < 0)
		return error_code(err, base, "layer entry %s", e->path);
	r = e->path_len ? fstatat(base, leaf, &st, AT_SYMLINK_NOFOLLOW) : fstat(base, &st);
	if (e->flags & SIDECAR_NOT_MADE)
		return r < 0 && errno == ENOENT ? 0 : differs(err, e, "device");
	if (r < 0)
		return error_sys(err, "layer entry %s", e->path);
	r = verify_stat(sidecar_get_header(v->s), e, &st, err);
	if (r == 0 && S_ISLNK(e->mode) && !link_ok(base, leaf, e))
		return differs(err, e, "link target");
	if (r == 0 && v->hash && has_digest(e))
		r = verify_content(v, e, base, leaf, err);
	return r;
}

int sidecar_verify_tree(const struct sidecar *s, int tree_fd, const struct hash *hash,
			struct error *err)
{
	_cleanup_(freep) struct verify *v = xcalloc(1, sizeof(*v));
	_cleanup_(freep) uint8_t *buf = hash ? xmalloc(PIECE) : NULL;
	int r = 0;

	v->s = s;
	v->hash = hash;
	v->buf = buf;
	dirstack_init(&v->stack, tree_fd);
	for (size_t i = 0; i < sidecar_count(s) && r == 0; i++) {
		struct sidecar_entry e;

		sidecar_get(s, i, &e);
		r = verify_entry(v, &e, err);
	}
	dirstack_done(&v->stack);
	return r;
}
