/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* SHA-256 by libcrypto, which uses the CPU's own instructions. */
struct sha256 {
	void *ctx; /* private */
};

int sha256_init(struct sha256 *h) _nodiscard_;
/* The next digest with the same context: cheaper than a new one for many small ones. */
int sha256_again(struct sha256 *h) _nodiscard_;
int sha256_add(struct sha256 *h, const void *p, size_t n) _nodiscard_;
int sha256_end(struct sha256 *h, uint8_t ret[32]) _nodiscard_;
void sha256_done(struct sha256 *h); /* NULL-safe, for _cleanup_() too */

/* Of one buffer. */
int sha256_of(const void *p, size_t n, uint8_t ret[32]) _nodiscard_;
