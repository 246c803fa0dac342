/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* One decoder. run() is called with room in `out`; it may use none of the input only when it has
 * written something. It sets *ret_end where a member or frame ends. */
struct inflate_step {
	const uint8_t *in;
	size_t n_in;
	uint8_t *out;
	size_t n_out;
	bool end;
};

struct inflate_ops {
	void *(*open)(void);
	void (*close)(void *state);
	int (*run)(void *state, struct inflate_step *step);
	int (*restart)(void *state); /* another member follows */
};

/* NULL where the build has no such library. */
const struct inflate_ops *inflate_ops_gzip(void);
const struct inflate_ops *inflate_ops_zstd(void);
