/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/sha256.h"
#include "storage/hash.h"

/* What storage/ hashes files by: libcrypto. */
int content_hash(struct sha256 *sha, struct hash *ret) _nodiscard_;
