/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/imgconfig.h"
#include "oci/platform.h"

/* OCI image-spec v1.1 and Docker schema 2. Documents are hostile: limits before allocation. */
enum {
	MANIFEST_SIZE_MAX = 4 << 20, /* docker's and containerd's limit for a manifest */
	MANIFEST_LAYERS_MAX = IMGCONFIG_LAYERS_MAX,
	MANIFEST_INDEX_MAX = 1000,
};

enum media_type {
	MEDIA_UNKNOWN,
	MEDIA_OCI_INDEX,
	MEDIA_OCI_MANIFEST,
	MEDIA_OCI_CONFIG,
	MEDIA_OCI_LAYER,
	MEDIA_OCI_LAYER_GZIP,
	MEDIA_OCI_LAYER_ZSTD,
	MEDIA_OCI_EMPTY,
	MEDIA_DOCKER_LIST,
	MEDIA_DOCKER_MANIFEST,
	MEDIA_DOCKER_CONFIG,
	MEDIA_DOCKER_LAYER,	 /* ...rootfs.diff.tar */
	MEDIA_DOCKER_LAYER_GZIP, /* ...rootfs.diff.tar.gzip */
	MEDIA_DOCKER_LAYER_ZSTD,
	MEDIA_FOREIGN, /* non-distributable layers: refused, their urls are never fetched */
};

enum media_type media_type_parse(const char *s);
const char *media_type_format(enum media_type type);

struct descriptor {
	enum media_type type;
	struct digest digest;
	uint64_t size;
	struct platform platform; /* index entries; os "" = none given */
};

struct manifest {
	enum media_type type;
	struct descriptor config;
	struct descriptor *layers; /* bottom first */
	size_t n_layers;
};

struct image_index {
	enum media_type type;
	struct descriptor *manifests;
	size_t n_manifests;
};

/*
 * content_type: what the server said, NULL when unknown. It must agree with the document's own
 * mediaType where both are there (CVE-2021-41190 class: a document that is both is refused).
 */
int manifest_detect(const char *json, size_t len, const char *content_type, enum media_type *ret,
		    struct error *err) _nodiscard_;
int manifest_parse(const char *json, size_t len, struct manifest *ret,
		   struct error *err) _nodiscard_;
void manifest_done(struct manifest *m);
int image_index_parse(const char *json, size_t len, struct image_index *ret,
		      struct error *err) _nodiscard_;
void image_index_done(struct image_index *x);
/* The entry for `want`, or NULL. Attestation entries (platform unknown/unknown) never match. Where
 * none does, one that alone says nothing is it: the image's config has the last word. */
const struct descriptor *image_index_choose(const struct image_index *x,
					    const struct platform *want);
