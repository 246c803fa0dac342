/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/mem.h"

enum file_flags {
	FILE_DURABLE = 1 << 0, /* fsync the file and its directory: the name survives power loss */
	FILE_EXCL = 1 << 1,    /* -EEXIST instead of replacing */
	FILE_LAZY = 1 << 2,    /* after power loss the content may be lost; for what dies with it */
};

/*
 * Atomic publish of a small file: written under a temporary name in the same directory, then
 * renamed (or linked, with FILE_EXCL). Readers see the old or the new content, never a part.
 * On failure the temporary file is removed and the old content stands.
 */
int file_publish(int dirfd, const char *name, const void *p, size_t n, mode_t mode,
		 enum file_flags flags) _nodiscard_;

/* fsync of a directory descriptor; O_PATH descriptors are reopened. */
int file_sync_dir(int dirfd) _nodiscard_;
