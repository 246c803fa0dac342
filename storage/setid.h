/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * Set-id files that a container has made. With one id all of them are root's, also those that an
 * installer has given to somebody else before, and was answered: nobody remembers which.
 */
enum {
	SETID_PATHS_MAX = 400,
	SETID_NAMED_MAX = 8,
};

struct setid {
	size_t n;
	bool more;		     /* there is more than was looked at */
	char paths[SETID_PATHS_MAX]; /* of the first ones, ", " between them */
};

/* What lies in the upper directory below the container's own. */
int setid_find(int ctr_dirfd, struct setid *ret, struct error *err) _nodiscard_;
