/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "oci/imgconfig.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "storage/imgrec.h"
#include "storage/store.h"

/*
 * Publish after every layer is in place: the record (blobs of manifest and config are put already),
 * then the name. Both are fsynced: few and small. index: digest of the index that led here, or
 * NULL. -ESTALE: a layer is not there (it was not claimed, and another command removed it).
 * name NULL: the image is here already, its layers were fetched again; its names stay (-ENOENT: it
 * was removed meanwhile).
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

/* Fill names and digests from all of refs/. */
int image_load_names(struct store *s, struct image *i, struct error *err) _nodiscard_;

/* Every image, newest first. Unreadable records are skipped with a warning. */
int image_list(struct store *s, struct image **ret, size_t *ret_n, struct error *err) _nodiscard_;
void image_list_done(struct image *list, size_t n);

/* The stored config document, parsed. */
int image_config(struct store *s, const struct image *i, struct imgconfig *ret,
		 struct error *err) _nodiscard_;

/* Point `name` at the image, replacing what it pointed at. */
int image_tag(struct store *s, const struct image *i, const struct reference *name,
	      struct error *err) _nodiscard_;

enum image_remove_flags {
	IMAGE_REMOVE_FORCE = 1 << 0, /* names go even where a container uses the image */
};
/*
 * Remove a name, or by id all names of an image; with the last name the image's record, and every
 * layer and blob that no other image names. An image that a container uses is refused (-EBUSY);
 * with FORCE its names go and the image stays, nameless, until the container is removed; one that
 * is nameless already is refused. The
 * removed names and manifest digests are appended for the command to print.
 */
int image_remove(struct store *s, const char *name_or_id, enum image_remove_flags flags,
		 struct strv *ret_names, struct strv *ret_images, struct error *err) _nodiscard_;
