/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "storage/tar.h"

/*
 * Where we are in a tree that others named: the directories from the root to here as O_PATH
 * descriptors, each opened with O_NOFOLLOW below its parent. Neighbours in an archive share most of
 * their path, so that a step costs about one open. Only the deepest DIRSTACK_OPEN are kept open.
 */
enum {
	DIRSTACK_DEPTH_MAX = 1024,
	DIRSTACK_OPEN = 32,
};

struct dirstack {
	int root; /* borrowed */
	size_t depth;
	char path[TAR_PATH_MAX]; /* of the top, relative, "" at the root */
	struct {
		int fd;	    /* -1: closed, the path opens it again */
		size_t end; /* of its name in path */
	} level[DIRSTACK_DEPTH_MAX];
};

void dirstack_init(struct dirstack *s, int root);
void dirstack_done(struct dirstack *s);
/* The top directory, borrowed, or -errno. */
int dirstack_top(struct dirstack *s) _nodiscard_;
/* Down into one directory by name: -ENOENT, -ENOTDIR (also a symlink), -ENAMETOOLONG. */
int dirstack_push(struct dirstack *s, const char *name, size_t n) _nodiscard_;
/* Up to this depth. */
void dirstack_pop(struct dirstack *s, size_t depth);
/*
 * Up to the deepest directory on the way to path[0..n): clean, relative. Returns how much of path
 * that covers, with the slash after it.
 */
size_t dirstack_common(struct dirstack *s, const char *path, size_t n);
/* common + push of the rest: no symlinks, nothing is made. Returns the top or -errno. */
int dirstack_enter(struct dirstack *s, const char *path, size_t n) _nodiscard_;
