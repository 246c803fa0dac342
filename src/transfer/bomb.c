/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/bomb.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/num.h"

static uint32_t ratio(void)
{
	const char *s = secure_getenv("CARREL_LAYER_RATIO");
	uint32_t v;

	return s && num_u32(s, &v) == 0 ? v : BOMB_RATIO;
}

/* No lock: whoever adds first has it. A sum beyond the limit stays so, for what ends the image. */
static bool take(struct bomb_share *s, uint64_t more)
{
	if (more > BOMB_FREE)
		return false;
	s->own += more;
	return atomic_fetch_add(s->taken, more) <= BOMB_FREE - more;
}

int bomb_check(struct bomb_share *s, uint64_t compressed, uint64_t plain, struct error *err)
{
	uint32_t times = ratio();
	uint64_t worth;

	if (times == 0 || compressed > UINT64_MAX / times)
		return 0;
	worth = compressed * times;
	if (plain <= worth || plain - worth <= s->own || take(s, plain - worth - s->own))
		return 0;
	error_set(err, -EFBIG,
		  "%llu bytes of it unpack to %llu and more; an image may have %u times its "
		  "compressed size, and 1 GiB for all its layers beyond that",
		  (unsigned long long)compressed, (unsigned long long)plain, times);
	error_hint(err, "no honest image is known to need more; where this one is, "
			"CARREL_LAYER_RATIO=0 lifts the limit");
	return -EFBIG;
}
