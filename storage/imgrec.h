/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/digest.h"
#include "oci/platform.h"
#include "storage/ref.h"
#include "storage/store.h"

/*
 * images/<manifest-hex>: one record per image, by manifest digest. refs/<escaped name>: the name's
 * manifest digest. The image id that users see is the config digest, as docker's.
 */
struct image {
	struct digest manifest, config;
	struct digest index; /* through which it was chosen; unset = none */
	uint64_t size;	     /* unpacked bytes, sum of the sidecars */
	struct platform platform;
	char created[64];
	struct digest *layers; /* diff-ids, bottom first */
	size_t n_layers;
	struct strv names; /* full reference strings that point here: "docker.io/library/a:1" */
	struct strv
		digests; /* repositories with the digest that was asked for: "NAME@sha256:..." */
};
void image_done(struct image *i);

/* The inside of image records, for image.c, the collector and removal. */

/* images/<hex>. -ENOENT without err. */
int imgrec_read(struct store *s, const char *hex, struct image *ret, struct error *err) _nodiscard_;
/* Pure. -EINVAL, -EPROTONOSUPPORT. */
int imgrec_parse(const char *text, size_t len, struct image *ret) _nodiscard_;

/* image_find(), and the name it was found by ("" = by id). */
int imgrec_find(struct store *s, const char *name_or_id, struct image *ret,
		char name[REFERENCE_STR_MAX], struct error *err) _nodiscard_;

/* Is it a name of that repository which has, or was asked for, the digest that is wanted? */
bool imgrec_has_digest(const struct ref *ref, const struct reference *want);

/* Fill names and digests of an image from all refs. */
void imgrec_add_names(struct image *i, const struct ref *refs, size_t n);
bool imgrec_is_name(const char *hex);
bool imgrec_exists(struct store *s, const char *hex);
void imgrec_unlink(struct store *s, const char *hex);
