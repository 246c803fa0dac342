/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Compression by the caller: storage links no codec. Numbers are those of doc/format-layer.md. */
enum squeeze_codec {
	SQUEEZE_PLAIN = 0,
	SQUEEZE_ZSTD = 1,
};

struct squeeze_ops {
	/* Takes from *in and *n_in (both are advanced) and fills out[0..cap), *ret_n is what was
	 * written. With end set: 1 when all is out, else 0. */
	int (*run)(void *ctx, const uint8_t **in, size_t *n_in, bool end, uint8_t *out, size_t cap,
		   size_t *ret_n);
};

struct squeeze {
	const struct squeeze_ops *ops;
	void *ctx;
	unsigned codec; /* enum squeeze_codec */
};
