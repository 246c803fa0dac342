/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "storage/owners.h"

/*
 * The ids of the outer user namespace U (DESIGN 4.5): container id 0 is the caller, 1.. are the
 * caller's subordinate ids. Host id 0 is never mapped. Where there are no subordinate ids, or
 * nobody who may write such a map, U has one id alone: root inside is the caller, all other ids of
 * an image are the caller's, too (tier B of DESIGN 5).
 */
enum {
	IDMAP_COUNT = 65536, /* ids that containers see */
	IDMAP_EXTENTS_MAX = 8,
	IDMAP_WHY_MAX = 160,
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
	/* Why there is one id only: D-03, D-04, D-05 and what was seen; DCODE_NONE where it was
	 * asked for, or where another process of ours made U. */
	enum dcode why;
	char why_text[IDMAP_WHY_MAX];
};

/*
 * Reads /etc/subuid and /etc/subgid (libsubid sources later); inside U, U's own map. A caller
 * without a range has one id. What the files promise may fail yet: userns_enter() tells. D-18.
 */
int idmap_load(struct idmap *ret, struct error *err) _nodiscard_;

/* Ids that the two files give to the caller, used or not; 0 where they cannot be asked. */
void idmap_given(uint64_t *ret_uids, uint64_t *ret_gids);

/* The first of IDMAP_COUNT ids that neither file gives to anybody, as useradd(8) would find one.
 * -errno, -ERANGE where there are none. */
int idmap_find_free(uint32_t *ret_first) _nodiscard_;
/* Its pure half; n texts. */
int idmap_free_range(const char *const *texts, size_t n, uint32_t *ret_first) _nodiscard_;
/* err is set: it is D-18, and the hint names a range that is free. */
void idmap_error_root(struct error *err);

/* U's map as a process that is in it has it: its number, or 0 for the caller. -EINVAL: no U. */
int idmap_of(pid_t pid, struct idmap *ret) _nodiscard_;

/* One id, without a look at the files or at newuidmap. Inside U, U's own map. D-18. */
int idmap_load_single(struct idmap *ret, struct error *err) _nodiscard_;

/* As records of the store have it. */
struct owners idmap_owners(const struct idmap *m);
bool idmap_is_single(const struct idmap *m);
/* Ids that a container sees, of users and groups alike. */
uint32_t idmap_count(const struct idmap *m);
/* There is one id only, for the reason in err. */
void idmap_make_single(struct idmap *m, const struct error *err);

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

/* The first row of a map file: first id inside, first outside, count. -EINVAL. */
int idmap_parse_row(const char *text, uint32_t ret[3]) _nodiscard_;

/* The first range of root's, whole: host ids [first, first + count). -ENOENT. */
int idmap_root_range(const char *file, struct idmap_extent *ret) _nodiscard_;

/* "0 OWN 1\n1 HOST COUNT\n..." for a map file. */
void idmap_format(struct str_buf *out, uint32_t own, const struct idmap_extent *e, unsigned n);

/* Set where root's mapper listens; read by programs that a dropped root caller started. */
#define IDMAP_MAPPER_ENV "CARREL_MAPPER"
