/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256 of the caller: nothing that is linked into the CLI has a libcrypto. One context for any
 * number of digests, one after the other.
 */
struct hash_ops {
	int (*init)(void *ctx); /* begin anew */
	int (*update)(void *ctx, const void *p, size_t n);
	int (*final)(void *ctx, uint8_t ret[32]);
};

struct hash {
	const struct hash_ops *ops;
	void *ctx;
};
