/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/store.h"

enum {
	/* What the end of a container gives to deleting; commands that remove something and pulls
	 * empty it. */
	TRASH_BUDGET_MS = 100,
};

/* For a process on the host side: a child inside U deletes what lies in trash/, for at most
 * budget_ms (0 = all of it). Failures cost space only. */
void trash_empty(struct store *s, unsigned budget_ms);
