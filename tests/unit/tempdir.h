/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A directory of the test's own below TMPDIR or /tmp; the descriptor is -1 on failure. */
struct tempdir {
	char path[256];
	int fd;
};

static inline int tempdir_make(struct tempdir *t)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(t->path, sizeof(t->path), "%s/carrel-unit-XXXXXX", base ? base : "/tmp");
	t->fd = mkdtemp(t->path) ? open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return t->fd < 0 ? -1 : 0;
}

/* 0, or -1. */
static inline int tempdir_put(const struct tempdir *t, const char *name, const char *text)
{
	int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t len = strlen(text);
	ssize_t n = fd < 0 ? -1 : write(fd, text, len);

	if (fd >= 0)
		(void)close(fd);
	return n == (ssize_t)len ? 0 : -1;
}

static inline int tempdir_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void tempdir_remove(struct tempdir *t)
{
	(void)close(t->fd);
	(void)nftw(t->path, tempdir_unlink, 16, FTW_DEPTH | FTW_PHYS);
}
