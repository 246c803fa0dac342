/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/store.h"

/*
 * Reclaim what dead commands of this node left: staging directories whose lock is free, containers
 * marked for removal whose supervisor is gone, container processes that outlived it. Moves to
 * trash; cheap when there is nothing (one directory read each). Every writing command calls it.
 */
int store_sweep(struct store *s, struct error *err) _nodiscard_;
enum {
	/* What is given to deleting where a container ends or somebody waits for one; commands that
	 * remove something, and pulls by themselves, empty it. */
	STORE_TRASH_BUDGET_MS = 100,
};

/*
 * Empty trash/ by two unlinking threads for at most budget_ms (0 = no limit), what came last first.
 * Trees hold files of subordinate ids: the caller is root inside the outer user namespace. Returns
 * 1 if something is left.
 */
int store_empty_trash(int trash_fd, unsigned budget_ms, struct error *err) _nodiscard_;
/* Is there anything in trash/? No namespace needed. */
int store_has_trash(struct store *s) _nodiscard_;
/*
 * For a writer about to write much, inside the outer user namespace: where the file system is
 * nearly full, what waits in trash/ goes at once, however long it takes.
 */
void store_make_room(struct store *s);
