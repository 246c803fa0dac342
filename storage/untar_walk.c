/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/untar_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "storage/rmtree.h"

/* #syscalls:unpack openat openat2 close mkdirat fchownat fsetxattr readlinkat newfstatat */

enum {
	LINKS_MAX = 40, /* followed for one entry; the kernel's number */
};

#define OPAQUE_XATTR "user.overlay.opaque"

static int check_component(const char *s, size_t n, bool last)
{
	if (n == 2 && s[0] == '.' && s[1] == '.')
		return -EBADMSG;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	if (last || n < 4 || memcmp(s, UNTAR_WHITEOUT, 4) != 0)
		return UNTAR_CLEAN_OK;
	return n >= 8 && memcmp(s, UNTAR_WHITEOUT_META, 8) == 0 ? UNTAR_CLEAN_SKIP : -EBADMSG;
}

int untar_clean_path(const char *path, char out[TAR_PATH_MAX])
{
	size_t len = 0;
	const char *p = path + strspn(path, "/");

	while (*p) {
		size_t n = strcspn(p, "/");
		const char *next = p + n + strspn(p + n, "/");

		if (!(n == 1 && p[0] == '.')) {
			int r = check_component(p, n, !*next);

			if (r != UNTAR_CLEAN_OK)
				return r;
			if (len)
				out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p = next;
	}
	out[len] = '\0';
	return UNTAR_CLEAN_OK;
}

int untar_record_implied(struct untar_tree *t, const char *path, const struct tar_entry *e)
{
	struct sidecar_entry rec = { .path = path,
				     .path_len = (uint32_t)strlen(path),
				     .link = "",
				     .mode = S_IFDIR | UNTAR_IMPLIED_MODE,
				     .flags = SIDECAR_IMPLIED,
				     .mtime = e ? e->mtime : 0,
				     .mtime_ns = e ? e->mtime_ns : 0 };

	return sidecar_writer_add(t->writer, &rec);
}

int untar_set_opaque(struct untar_tree *t, int base, const char *name, const char *full)
{
	_cleanup_(fd_closep) int fd =
		openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fsetxattr(fd, OPAQUE_XATTR, "y", 1, 0) < 0)
		return -errno;
	t->stats->opaques++;
	return sidecar_writer_opaque(t->writer, full, strlen(full));
}

int untar_make_room(struct untar_tree *t, int base, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size > 0))
		t->lost_data = true; /* for a directory that is a guess */
	r = rmtree(base, name, 0, 0);
	if (r < 0)
		return r;
	return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

int untar_join(char out[TAR_PATH_MAX], const char *dir, const char *name)
{
	if (!*dir)
		return str_copy(out, TAR_PATH_MAX, name);
	return str_print(out, TAR_PATH_MAX, "%s/%s", dir, name);
}

/* It is made and entered. */
static int push_implied(struct untar_tree *t, const char *name, bool opaque,
			const struct tar_entry *e)
{
	int base = dirstack_top(&t->stack), r;

	if (base < 0)
		return base;
	if (mkdirat(base, name, UNTAR_IMPLIED_MODE) < 0)
		return -errno;
	if ((t->uid != 0 || t->gid != 0) && fchownat(base, name, 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = dirstack_push(&t->stack, name, strlen(name));
	if (r < 0)
		return r;
	r = untar_record_implied(t, t->stack.path, e);
	if (r == 0 && opaque)
		r = untar_set_opaque(t, dirstack_top(&t->stack), ".", t->stack.path);
	return r;
}

/* Does this symlink lead to a directory inside the tree? */
static bool leads_to_dir(struct untar_tree *t, const char *name)
{
	char path[TAR_PATH_MAX];
	_cleanup_(fd_closep) int fd = -1;

	if (untar_join(path, t->stack.path, name) < 0)
		return false;
	fd = path_open_in_root(t->fd, path, O_PATH | O_DIRECTORY, 0);
	return fd >= 0;
}

/*
 * Not a directory. A symlink to one: its target goes in front of `rest`, the new way is in t->walk,
 * and 1 is returned. Anything else gives way to a directory.
 */
static int pass_obstacle(struct untar_tree *t, const char *name, const char *rest,
			 const struct tar_entry *e)
{
	char target[TAR_PATH_MAX], joined[TAR_PATH_MAX];
	int base = dirstack_top(&t->stack), r;
	ssize_t n;

	if (base < 0)
		return base;
	n = readlinkat(base, name, target, sizeof(target) - 1);
	if (n >= 0 && leads_to_dir(t, name)) {
		target[n] = '\0';
		if (target[0] == '/')
			dirstack_pop(&t->stack, 0);
		r = str_print(joined, sizeof(joined), "%s/%s", target, rest);
		if (r < 0)
			return r;
		memcpy(t->walk, joined, sizeof(joined));
		return 1;
	}
	r = untar_make_room(t, base, name);
	return r < 0 ? r : push_implied(t, name, r == 1, e);
}

int untar_enter(struct untar_tree *t, const char *path, size_t n, const struct tar_entry *e)
{
	const char *p = path + dirstack_common(&t->stack, path, n), *end = path + n;
	unsigned links = 0;

	while (p < end) {
		size_t len = strcspn(p, "/");
		char name[NAME_MAX + 1];
		const char *rest;
		int r;

		len = len < (size_t)(end - p) ? len : (size_t)(end - p);
		rest = p + len < end ? p + len + 1 : end;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, p, len);
		name[len] = '\0';
		p = rest;
		if (len == 0 || str_eq(name, "."))
			continue;
		if (str_eq(name, "..")) {
			/* Only out of a link's target; above the root is the root. */
			dirstack_pop(&t->stack, t->stack.depth ? t->stack.depth - 1 : 0);
			continue;
		}
		r = dirstack_push(&t->stack, name, len);
		if (r == -ENOENT)
			r = push_implied(t, name, false, e);
		if (r == -ENOTDIR) {
			char left[TAR_PATH_MAX];

			memcpy(left, rest, (size_t)(end - rest));
			left[end - rest] = '\0';
			r = pass_obstacle(t, name, left, e);
			if (r == 1) {
				if (++links > LINKS_MAX)
					return -ELOOP;
				p = t->walk;
				end = p + strlen(p);
			}
		}
		if (r < 0)
			return r;
	}
	return dirstack_top(&t->stack);
}
