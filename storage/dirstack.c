/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/dirstack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"

/* #syscalls:unpack openat openat2 close */

void dirstack_init(struct dirstack *s, int root)
{
	s->root = root;
	s->depth = 0;
	s->path[0] = '\0';
}

void dirstack_done(struct dirstack *s)
{
	dirstack_pop(s, 0);
}

static size_t path_len(const struct dirstack *s)
{
	return s->depth ? s->level[s->depth - 1].end : 0;
}

int dirstack_top(struct dirstack *s)
{
	int *fd;

	if (s->depth == 0)
		return s->root;
	fd = &s->level[s->depth - 1].fd;
	if (*fd < 0) {
		int r = path_open_beneath(s->root, s->path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

		if (r < 0)
			return r;
		*fd = r;
	}
	return *fd;
}

int dirstack_push(struct dirstack *s, const char *name, size_t n)
{
	size_t at = path_len(s);
	int base = dirstack_top(s), fd;

	if (base < 0)
		return base;
	if (s->depth == DIRSTACK_DEPTH_MAX || at + n + 2 > sizeof(s->path))
		return -ENAMETOOLONG;
	if (at)
		s->path[at++] = '/';
	memcpy(s->path + at, name, n);
	s->path[at + n] = '\0';
	fd = openat(base, s->path + at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		int r = -errno;

		s->path[path_len(s)] = '\0';
		return r == -ELOOP ? -ENOTDIR : r;
	}
	s->level[s->depth].fd = fd;
	s->level[s->depth].end = at + n;
	s->depth++;
	if (s->depth > DIRSTACK_OPEN) {
		int *old = &s->level[s->depth - DIRSTACK_OPEN - 1].fd;

		fd_close(*old);
		*old = -1;
	}
	return 0;
}

void dirstack_pop(struct dirstack *s, size_t depth)
{
	while (s->depth > depth)
		fd_close(s->level[--s->depth].fd);
	s->path[path_len(s)] = '\0';
}

size_t dirstack_common(struct dirstack *s, const char *path, size_t n)
{
	size_t d = 0, pos = 0;

	while (d < s->depth) {
		size_t end = s->level[d].end;

		if (end > n || memcmp(s->path + pos, path + pos, end - pos) != 0 ||
		    (end < n && path[end] != '/'))
			break;
		pos = end;
		d++;
	}
	dirstack_pop(s, d);
	return pos && pos < n ? pos + 1 : pos;
}

int dirstack_enter(struct dirstack *s, const char *path, size_t n)
{
	size_t pos = dirstack_common(s, path, n);

	while (pos < n) {
		const char *slash = memchr(path + pos, '/', n - pos);
		size_t len = slash ? (size_t)(slash - path) - pos : n - pos;
		int r = dirstack_push(s, path + pos, len);

		if (r < 0)
			return r;
		pos += len + (slash ? 1 : 0);
	}
	return dirstack_top(s);
}
