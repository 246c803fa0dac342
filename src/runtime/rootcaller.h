/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * Called by root, before anything else in main(): fork the mapper (a root process that can do one
 * thing: write the map of root's own subuid range for a process of its first id), then become that
 * first id for good (groups too) and set HOME, CARREL_ROOT and XDG_RUNTIME_DIR to directories of
 * that id (/var/lib/carrel, /run/carrel). Does nothing for other callers, and nothing inside U.
 * The mapper ends with the calling process. D-18 without a range.
 */
int rootcaller_drop(struct error *err) _nodiscard_;

/* Is this the id that root has become? Then its directories are added. */
bool rootcaller_dirs(struct strv *stores, struct strv *runtimes);

/*
 * The client half of rootcaller_drop(): ask the mapper that listens at `path` to write
 * the id map of this process, which has just made its user namespace. D-18.
 */
int rootcaller_ask(const char *path, struct error *err) _nodiscard_;
