/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * The fetcher's root: an empty read-only file system with nothing in it but what resolves names and
 * checks certificates. Two steps, because in between the client libraries read their configuration.
 */

/* A user namespace of one id, this one, and a mount namespace. Before PR_SET_DUMPABLE. */
int box_enter(struct error *err) _nodiscard_;

/*
 * Leave the host's files. `layout_fd` (-1: none), open directory `layout`, becomes a mount of that
 * directory alone, so that ".." ends there. Modules of the name service are loaded first: later
 * they could not be found.
 */
int box_close(const char *layout, int *layout_fd, struct error *err) _nodiscard_;
