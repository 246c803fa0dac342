/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The outer user namespace U (DESIGN 4.5): container id 0 is the caller, 1.. are the caller's
 * subordinate ids. Host id 0 is never mapped.
 */
enum {
	IDMAP_COUNT = 65536, /* ids that containers see */
	IDMAP_EXTENTS_MAX = 8,
};

struct idmap_extent {
	uint32_t host; /* first host id */
	uint32_t count;
};

struct idmap {
	uid_t uid0; /* host id behind 0: the caller's own */
	gid_t gid0;
	uint32_t uid1, gid1;	 /* first host id behind 1: what records name */
	uint32_t n_uids, n_gids; /* ids from 1 on, all extents; at most IDMAP_COUNT - 1 */
	struct idmap_extent uids[IDMAP_EXTENTS_MAX], gids[IDMAP_EXTENTS_MAX];
	unsigned n_uid_extents, n_gid_extents;
};

/*
 * Called by root, before anything else in main(): fork the mapper (a root process that can do one
 * thing: write the map of root's own subuid range for a process of its first id), then become that
 * first id for good (groups too) and set HOME, CARREL_ROOT and XDG_RUNTIME_DIR to directories of
 * that id (/var/lib/carrel, /run/carrel). Does nothing for other callers, and nothing inside U.
 * The mapper ends with the calling process. D-18 without a range.
 */
int rootcaller_drop(struct error *err) _nodiscard_;

/* Reads /etc/subuid and /etc/subgid (libsubid sources later); inside U, U's own map. D-03, D-18. */
int idmap_load(struct idmap *ret, struct error *err) _nodiscard_;

/*
 * Move this single-threaded process into a new U with its own copy of the host's mounts (rslave),
 * and become its root with all capabilities over it. newuidmap and newgidmap run in parallel, by
 * absolute path and with an empty environment. Not reversible; nothing to do where the process is
 * in a U already (a helper that another carrel process started there). D-01, D-02, D-04, D-05,
 * D-11.
 */
int userns_enter(const struct idmap *map, struct error *err) _nodiscard_;

/* Is this process inside a U that userns_enter() made (here or in the program that started us)? */
bool userns_is_inside(void);

/* Write the map of a nested N (a child that waits for it): U's extents repeated. */
int userns_map_nested(pid_t pid, const struct idmap *map, struct error *err) _nodiscard_;
