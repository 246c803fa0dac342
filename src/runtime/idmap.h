/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * The ids of the outer user namespace U (DESIGN 4.5): container id 0 is the caller, 1.. are the
 * caller's subordinate ids. Host id 0 is never mapped.
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

/* Reads /etc/subuid and /etc/subgid (libsubid sources later); inside U, U's own map. D-03, D-18. */
int idmap_load(struct idmap *ret, struct error *err) _nodiscard_;

/* U's map as a process that is in it has it: its number, or 0 for the caller. -EINVAL: no U. */
int idmap_of(pid_t pid, struct idmap *ret) _nodiscard_;

/*
 * The text of /etc/subuid or /etc/subgid: lines "OWNER:FIRST:COUNT", OWNER a name or a number.
 * Takes the owner's ranges in the order of the file until max ids or IDMAP_EXTENTS_MAX ranges are
 * there. Lines that are malformed, contain host id 0, wrap around or contain `own` are skipped.
 * name may be NULL. Returns the number of ranges.
 */
unsigned idmap_parse(const char *text, const char *name, uid_t owner, uint32_t own, uint32_t max,
		     struct idmap_extent ret[IDMAP_EXTENTS_MAX]);

/*
 * The text of /proc/self/uid_map as U has it: first line is id 0 alone, the others are contiguous
 * from 1 on. Returns the number of extents behind it, -EINVAL for any other shape.
 */
int idmap_parse_proc(const char *text, uint32_t *ret_own,
		     struct idmap_extent ret[IDMAP_EXTENTS_MAX]) _nodiscard_;

/* The first range of root's, whole: host ids [first, first + count). -ENOENT. */
int idmap_root_range(const char *file, struct idmap_extent *ret) _nodiscard_;

/* "0 OWN 1\n1 HOST COUNT\n..." for a map file. */
void idmap_format(struct str_buf *out, uint32_t own, const struct idmap_extent *e, unsigned n);

/* Set where root's mapper listens; read by programs that a dropped root caller started. */
#define IDMAP_MAPPER_ENV "CARREL_MAPPER"
