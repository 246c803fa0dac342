/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/* What is given up before hostile bytes are read (doc/SECURITY-MODEL.md). */

/*
 * The network half, before its threads start: a root with the resolver's files and certificates
 * only (box.h; or the layout alone), no capability, no new privileges.
 */
int confine_fetcher(const char *layout, int *layout_fd, struct error *err) _nodiscard_;

/*
 * The unpacker, in a mount namespace of its own: its root becomes the directory `dir` alone; of the
 * capabilities stay those that set owners, modes and file capabilities and make whiteouts. Both
 * have Landlock behind it, where the kernel does. Returns the new root as a descriptor.
 */
int confine_unpacker(int dir, struct error *err) _nodiscard_;
