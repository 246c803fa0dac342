/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * How much an image may unpack to: BOMB_RATIO times what its layers have compressed, and BOMB_FREE
 * once beyond that. gzip reaches 1032 to 1 with zeros, zstd much more; real layers stay below 10.
 * The free part is for small layers with a preallocated file in them. It is one for all layers of
 * an image, of which there may be hundreds: what a layer has beyond its own size's worth it takes
 * from a counter that its neighbours take from, too, and never gives back. So the verdict does not
 * depend on the order in which they come.
 */
enum {
	BOMB_RATIO = 200,
};
#define BOMB_FREE ((uint64_t)1 << 30)

/* One layer. Threads or processes that share `taken` have one each. */
struct bomb_share {
	_Atomic uint64_t *taken; /* of BOMB_FREE, by all layers of the image; begins at 0 */
	uint64_t own;		 /* of it: by this layer */
};

/*
 * May this layer have so many bytes, when it is compressed so many? Both only grow. -EFBIG: no, the
 * image has to end here. CARREL_LAYER_RATIO is another ratio, 0: no limit.
 */
int bomb_check(struct bomb_share *s, uint64_t compressed, uint64_t plain,
	       struct error *err) _nodiscard_;
