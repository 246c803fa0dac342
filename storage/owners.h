/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Whose files are whose: the id map under which a tree was written, as the kernel shows one. The
 * rows of each kind begin with id 0 and have no gap.
 */
enum {
	OWNERS_ROWS_MAX = 16,
};

struct owners_row {
	uint32_t id, host, count;
};

struct owners {
	struct owners_row uids[OWNERS_ROWS_MAX], gids[OWNERS_ROWS_MAX];
	unsigned n_uids, n_gids;
};

/* Ids from 0 on that users and groups have. */
uint32_t owners_count(const struct owners *o);
/* Behind id 0 and 1 there are: the recorded numbers, 0 where there is no such id. */
struct owners_first {
	uint32_t uid0, uid1, gid0, gid1;
};
struct owners_first owners_first(const struct owners *o);
/*
 * A number for what is behind the first n ids, whatever comes after them and however the ranges are
 * cut; 0: there are fewer. doc/format-layer.md has the algorithm.
 */
uint64_t owners_digest(const struct owners *o, uint32_t n);
/* Where id 0 is all that there is. */
struct owners owners_single(const struct owners *o);
