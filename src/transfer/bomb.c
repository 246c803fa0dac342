/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/bomb.h"

#include <stdlib.h>

#include "base/num.h"

uint64_t bomb_limit(uint64_t compressed)
{
	const char *s = secure_getenv("CARREL_LAYER_RATIO");
	uint32_t ratio;

	if (!s || num_u32(s, &ratio) < 0)
		ratio = BOMB_RATIO;
	if (ratio == 0 || compressed > (UINT64_MAX - BOMB_FREE) / ratio)
		return UINT64_MAX;
	return BOMB_FREE + ratio * compressed;
}
