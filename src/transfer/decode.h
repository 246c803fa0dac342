/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/digest.h"
#include "transfer/wire.h"

/* Where compressed bytes come from: an intake, or a file of a layout. */
struct decode_input {
	/* As intake_peek() and intake_drop(). */
	int (*peek)(void *data, size_t min, const uint8_t **ret, size_t *ret_n, struct error *err);
	void (*drop)(void *data, size_t n);
	void *data;
};

/*
 * One layer: digest of the compressed bytes, inflate, into the slot's ring. The ring ends only when
 * digest and size are right. `taken` is bomb.h's, one for all layers of the image.
 */
int decode_layer(const struct decode_input *input, const struct digest *want, uint64_t size,
		 struct wire_slot *slot, _Atomic uint64_t *taken, struct error *err) _nodiscard_;
