/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "oci/digest.h"
#include "storage/hash.h"
#include "storage/owners.h"
#include "storage/store.h"

/* layers/<diffid-hex>/{meta,tree}: one tree per diff-id, not per chain. */

/*
 * Claims: a layer that no image record names is debris, unless a living staging directory claims
 * it. A pull claims all layers of its manifest first, asks layer_check() then, and leaves out only
 * what that finds. Claims end with the staging directory. layer_publish() claims by itself.
 */
int layer_claim(struct store *s, const struct digest *diff_ids, size_t n,
		struct error *err) _nodiscard_;

/*
 * Is the layer there and to be trusted on this boot (durable, or made since the boot)? One that is
 * torn is moved to trash and reported by a warning. 1 yes, 0 no. -EAGAIN: it is from a crashed
 * boot, layer_verify() tells.
 */
int layer_check(struct store *s, const struct digest *diff_id, struct error *err) _nodiscard_;

/*
 * Compare all of a layer with its sidecar, as root of the outer user namespace (only he can look at
 * all of it and sees its owners). 1: it is good, durable from now on; 0: it differs, is in the
 * trash and was reported by a warning.
 */
int layer_verify(struct store *s, const struct digest *diff_id, const struct hash *hash,
		 struct error *err) _nodiscard_;

/*
 * Publish an unpacked layer: `name` below staging_fd is a wrapper directory with `meta` and `tree`.
 * Renamed to layers/<hex>; -EEXIST (somebody was faster) is success, the staging copy goes to
 * trash. A damaged one there, or one of another subuid range, goes to trash instead. Never waits
 * for the disk.
 */
int layer_publish(struct store *s, int staging_fd, const char *name, const struct digest *diff_id,
		  struct error *err) _nodiscard_;

/* One syncfs for all layers published and not yet durable, then their durable marks. */
int layer_make_durable(struct store *s, struct error *err) _nodiscard_;

#define LAYER_PULL_HINT "pull the image again"

/*
 * Do the tree's files belong to the caller's present map? -ESTALE with D-19 where the layer was
 * unpacked under another one and that makes a difference: an owner that it has is somebody else
 * now, or had no id then. One id only is another range than any other.
 */
int layer_check_owner(struct store *s, const struct digest *diff_id, const struct owners *owners,
		      struct error *err) _nodiscard_;

/* O_PATH of layers/<hex>/tree. */
int layer_open_tree(struct store *s, const struct digest *diff_id, struct error *err) _nodiscard_;
