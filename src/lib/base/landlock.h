/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * Second line behind an own root: what is reached by a descriptor that should not be there, or by a
 * hole in the first line, is refused by the kernel as well. Never the only line: kernels without
 * Landlock (before 5.13, or not in their list of security modules) do nothing here.
 */
enum landlock_what {
	LANDLOCK_READ, /* beneath the directory files are read; nothing else */
	LANDLOCK_TREE, /* beneath it everything but execution and device calls */
};

/* Version of the kernel's rules; 0: there are none. */
int landlock_version(void);

/*
 * For this thread and its children, for good; needs no_new_privs. No file elsewhere, no TCP port is
 * listened on (LANDLOCK_TREE: no connection either), no abstract socket and no signal beyond the
 * group, as far as the version goes. LANDLOCK_TREE asks for version 2: before it no name could be
 * linked across directories.
 */
int landlock_confine(int dir, enum landlock_what what, struct error *err) _nodiscard_;
