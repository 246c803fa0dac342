/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "oci/imgconfig.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "storage/store.h"

/*
 * images/<manifest-hex>: one record per image, by manifest digest. refs/<escaped name>: the name's
 * manifest digest. The image id that users see is the config digest, as docker's.
 */
struct image {
	struct digest manifest, config;
	uint64_t size; /* unpacked bytes, sum of the sidecars */
	struct platform platform;
	char created[64];
	struct digest *layers; /* diff-ids, bottom first */
	size_t n_layers;
	struct strv names; /* full reference strings that point here */
};

/*
 * Publish after every layer is in place: the record (blobs of manifest and config are put already),
 * then the name. Both are fsynced: few and small.
 */
int image_publish(struct store *s, const struct reference *name, const struct digest *manifest,
		  const struct manifest *m, const struct imgconfig *c, const struct digest *index,
		  struct error *err) _nodiscard_;

/*
 * By name (docker's defaults, then localhost/NAME), by name@digest, by image id or unique prefix
 * of at least 4 hex digits, with or without "sha256:". -ENOENT: not in the store.
 */
int image_find(struct store *s, const char *name_or_id, struct image *ret,
	       struct error *err) _nodiscard_;
void image_done(struct image *i);

/* Every image, newest first. Unreadable records are skipped with a warning. */
int image_list(struct store *s, struct image **ret, size_t *ret_n, struct error *err) _nodiscard_;
void image_list_done(struct image *list, size_t n);

/* The stored config document, parsed. */
int image_config(struct store *s, const struct image *i, struct imgconfig *ret,
		 struct error *err) _nodiscard_;
