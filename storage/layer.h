/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/digest.h"
#include "storage/store.h"

/* layers/<diffid-hex>/{meta,tree}: one tree per diff-id, not per chain. */

/* Is the layer there and to be trusted on this boot (durable, or made since the boot)? A layer that
 * is torn or from a crashed boot is verified against its sidecar, else moved to trash and reported
 * by a warning. 1 yes, 0 no. */
int layer_check(struct store *s, const struct digest *diff_id, struct error *err) _nodiscard_;

/*
 * Publish an unpacked layer: `name` below staging_fd is a wrapper directory with `meta` and `tree`.
 * Renamed to layers/<hex>; -EEXIST (somebody was faster) is success, the staging copy goes to
 * trash. Never waits for the disk.
 */
int layer_publish(struct store *s, int staging_fd, const char *name, const struct digest *diff_id,
		  struct error *err) _nodiscard_;

/* One syncfs for all layers published and not yet durable, then their durable marks. */
int layer_make_durable(struct store *s, struct error *err) _nodiscard_;

/* O_PATH of layers/<hex>/tree. */
int layer_open_tree(struct store *s, const struct digest *diff_id, struct error *err) _nodiscard_;
