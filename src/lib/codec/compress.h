/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Streaming zstd, with little memory: what it is for is short and repeats itself nearby. */
struct compress;

/* -EOPNOTSUPP: this build has no zstd. */
int compress_new(struct compress **ret) _nodiscard_;
void compress_free(struct compress *c);
static inline void compress_freep(struct compress **c)
{
	compress_free(*c);
}
/* Takes from *in and *n_in (both are advanced) and fills out[0..cap), *ret_n is what was written.
 * With end set: 1 when all is out, else 0. */
int compress_run(struct compress *c, const uint8_t **in, size_t *n_in, bool end, uint8_t *out,
		 size_t cap, size_t *ret_n) _nodiscard_;
