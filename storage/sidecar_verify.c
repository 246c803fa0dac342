/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "storage/dirstack.h"
#include "storage/sidecar.h"

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

	if (e->flags & SIDECAR_WHITEOUT)
		return S_ISCHR(st->st_mode) && st->st_rdev == 0 ? 0 : differs(err, e, "whiteout");
	if ((st->st_mode & S_IFMT) != (e->mode & S_IFMT))
		return differs(err, e, "type");
	if (S_ISREG(e->mode) && (uint64_t)st->st_size != e->size)
		return differs(err, e, "size");
	if (!S_ISLNK(e->mode) && (st->st_mode & 07777) != (e->mode & 07777))
		return differs(err, e, "mode");
	if (st->st_uid != uid || st->st_gid != gid)
		return differs(err, e, "owner");
	if (st->st_mtim.tv_sec != e->mtime)
		return differs(err, e, "time");
	return 0;
}

static int verify_entry(const struct sidecar *s, struct dirstack *stack,
			const struct sidecar_entry *e, struct error *err)
{
	const char *slash = strrchr(e->path, '/');
	const char *leaf = slash ? slash + 1 : e->path;
	struct stat st;
	int base, r;

	base = dirstack_enter(stack, e->path, slash ? (size_t)(slash - e->path) : 0);
	if (base < 0)
		return error_code(err, base, "layer entry %s", e->path);
	r = e->path_len ? fstatat(base, leaf, &st, AT_SYMLINK_NOFOLLOW) : fstat(base, &st);
	if (e->flags & SIDECAR_NOT_MADE)
		return r < 0 && errno == ENOENT ? 0 : differs(err, e, "device");
	if (r < 0)
		return error_sys(err, "layer entry %s", e->path);
	r = verify_stat(sidecar_get_header(s), e, &st, err);
	if (r == 0 && S_ISLNK(e->mode) && !link_ok(base, leaf, e))
		return differs(err, e, "link target");
	return r;
}

int sidecar_verify_tree(const struct sidecar *s, int tree_fd, struct error *err)
{
	_cleanup_(freep) struct dirstack *stack = xcalloc(1, sizeof(*stack));
	int r = 0;

	dirstack_init(stack, tree_fd);
	for (size_t i = 0; i < sidecar_count(s) && r == 0; i++) {
		struct sidecar_entry e;

		sidecar_get(s, i, &e);
		r = verify_entry(s, stack, &e, err);
	}
	dirstack_done(stack);
	return r;
}
