/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/mem.h"

/*
 * The file of a name below refs/. Everything but [A-Za-z0-9._-] becomes %XX. A result longer than
 * REFNAME_PART bytes is cut into directory levels whose names end with '+', a character that no
 * escaped name has: a name of 384 bytes does not fit NAME_MAX, and a hash could collide.
 */
enum {
	REFNAME_PART = 200,
	REFNAME_LEVELS_MAX = 8,
	REFNAME_PATH_MAX = REFNAME_LEVELS_MAX * (REFNAME_PART + 2),
};

/* -EINVAL: empty, "." or "..". -ENAMETOOLONG. */
int refname_escape(const char *name, char buf[REFNAME_PATH_MAX]) _nodiscard_;
