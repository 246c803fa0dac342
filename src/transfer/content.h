/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/compress.h"
#include "codec/sha256.h"
#include "storage/hash.h"
#include "storage/squeeze.h"

/* What storage/ hashes files and compresses by: libcrypto and zstd. */
int content_hash(struct sha256 *sha, struct hash *ret) _nodiscard_;
void content_squeeze(struct compress *c, struct squeeze *ret);
