/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * `version`, the file that makes a directory a store. It is written last when a store is made:
 * where it is, everything else is.
 */
enum {
	STORE_VERSION = 1,
	STORE_UUID_LEN = 36,
};

/* Read it into uuid. -ENOENT: none there. -EPROTONOSUPPORT: made by a newer carrel. */
int marker_read(int root_fd, const char *path, char uuid[STORE_UUID_LEN + 1],
		struct error *err) _nodiscard_;
/*
 * Make the directory below root_fd a store. Safe when many do it at once: one marker wins, all read
 * the same. A directory with foreign entries is refused (-ENOTEMPTY), and nothing in it is touched.
 */
int marker_make(int root_fd, const char *path, struct error *err) _nodiscard_;
