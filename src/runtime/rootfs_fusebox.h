/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/rootfs_driver.h"

/*
 * The process of fuse-overlayfs. It answers what a container asks of its files, so it is treated as
 * if the container had taken it over already. It has, in U:
 *	descriptors	/dev/fuse; /dev/null, and a pipe for its last words
 *	files		a root of its own, read-only: the layers, the system's libraries, a /proc of
 *			its own pid namespace; and, to write, fuse/ of its container
 *	namespaces	mount, pid, network (empty), ipc
 *	capabilities	over files only, no_new_privs, the containers' default system call filter
 * It is a child of the caller and dies with it.
 */
struct fusebox {
	int exe;		       /* the program, O_PATH */
	int dev;		       /* /dev/fuse, opened in U */
	int lowers[ROOTFS_LAYERS_MAX]; /* detached read-only mounts, bottom first */
	unsigned n_lowers;
	int dir; /* detached mount of fuse/ */
	bool is_volatile;
};

/* Starts it; *ret_said is the pipe: what it wrote before it ended, then end of file. */
int fusebox_start(const struct fusebox *b, struct proc *ret, int *ret_said,
		  struct error *err) _nodiscard_;
void fusebox_close(struct fusebox *b);
