/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "frame.h"

/*
 * Reassembly of what the container fragments (UDP and pings above the MTU), before libslirp:
 * its own for IPv4 leaks memory contents, and for IPv6 it has none. Bounded; a datagram with
 * overlapping or contradictory fragments is dropped as a whole (RFC 5722). No I/O, no clock.
 */
enum {
	FRAG_SLOTS = 8,
	FRAG_LIFE_MS = 5000,
	FRAG_DATA_MAX = 65535,
};

struct frag;

struct frag *frag_new(void);
void frag_free(struct frag *f);

/*
 * Add a FRAME_FRAGMENT frame. When the datagram is complete: the length of the whole frame, and
 * *ret_frame, valid until the next call. Else 0.
 */
size_t frag_add(struct frag *f, const uint8_t *frame, const struct frame_info *info, int64_t now_ms,
		uint8_t **ret_frame);
