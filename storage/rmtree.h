/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"

/*
 * Delete trees that others filled: any depth, any names, directories without permission bits.
 * Symlinks are removed, never followed. Bounded memory and descriptors: what lies deeper than
 * RMTREE_DEPTH is moved up to the top of the tree before it is entered.
 */
enum {
	RMTREE_DEPTH = 32,
};

enum rmtree_flags {
	RMTREE_PARALLEL = 1 << 0, /* a second thread; not in a process that will fork or unshare */
	RMTREE_CONTENT = 1 << 1,  /* the directory itself stays */
	RMTREE_ALONE = 1 << 2,	  /* -EAGAIN where another process with this flag is at the tree */
};

/*
 * Remove `name` (one name) below dirfd and all below it. budget_ms 0 = no limit. 0: gone (or never
 * there); 1: the time is over and something is left; -errno: something could not be removed
 * (everything else was).
 */
int rmtree(int dirfd, const char *name, unsigned budget_ms, enum rmtree_flags flags) _nodiscard_;
