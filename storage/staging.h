/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "storage/store.h"

/* The inside of staging/, for the sweep and the collector. */
#define STAGING_CLAIM "claim-"
/* Image record that has no name yet, while its publish goes on. */
#define STAGING_NEW "new-"
/* Image record that a removal has put aside. */
#define STAGING_REMOVED "image-"

/* Empty files PREFIX<hex> in the staging directory of this process, if it has one. */
int staging_mark(struct store *s, const char *prefix, const struct digest *d,
		 struct error *err) _nodiscard_;
void staging_unmark(struct store *s, const char *prefix, const struct digest *d);

/* Staging directories of dead commands of this machine; their locks are held. */
struct dead_staging {
	struct strv names;
	int *locks;
	size_t cap;
};

int staging_collect(struct store *s, struct dead_staging *ret, struct error *err) _nodiscard_;
/* Their content to trash, the lock files away. */
int staging_drop_dead(struct store *s, const struct dead_staging *dead,
		      struct error *err) _nodiscard_;
void dead_staging_done(struct dead_staging *dead);

/* Hex digests that living commands of any node claim (not those in `dead`). */
int staging_claims(struct store *s, const struct dead_staging *dead, struct strv *ret,
		   struct error *err) _nodiscard_;

/* "<node>-<64 hex>": a container record in the making. */
bool staging_is_container(const char *name, const char **ret_id);
/* Of this machine, in this boot or an earlier one? Starts with a node. */
bool staging_is_local(const struct store *s, const char *node);
