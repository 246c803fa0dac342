/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * How much a layer may unpack to. gzip reaches 1032 to 1 with zeros, zstd much more; real layers
 * stay below 10. The free part is for small layers with a preallocated file in them.
 */
enum {
	BOMB_RATIO = 200,
};
#define BOMB_FREE ((uint64_t)1 << 30)

/* For so many compressed bytes. CARREL_LAYER_RATIO is another ratio, 0: no limit. */
uint64_t bomb_limit(uint64_t compressed);
