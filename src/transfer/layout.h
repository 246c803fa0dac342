/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/digest.h"
#include "registry/registry.h"

/* An OCI image layout on disk (image-spec image-layout.md) as the source of an import. */

/* name "": index.json, after the oci-layout file is checked; else "sha256:...". */
int layout_get_manifest(int dirfd, const char *name, struct registry_doc *ret,
			struct error *err) _nodiscard_;
int layout_get_blob(int dirfd, const struct digest *digest, uint64_t size, size_t max,
		    struct registry_doc *ret, struct error *err) _nodiscard_;

/* A blob in pieces; peek and drop fit struct decode_input. */
struct layout_blob {
	int fd;
	uint8_t *buf;
	size_t pos, len;
	uint64_t left;
};
int layout_blob_open(int dirfd, const struct digest *digest, uint64_t size, struct layout_blob *ret,
		     struct error *err) _nodiscard_;
void layout_blob_done(struct layout_blob *b);
int layout_blob_peek(void *data, size_t min, const uint8_t **ret, size_t *ret_n,
		     struct error *err) _nodiscard_;
void layout_blob_drop(void *data, size_t n);
