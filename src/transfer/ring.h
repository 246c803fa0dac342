/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/*
 * One writer, one reader, blocks in memory shared by two processes, no lock: each side owns one
 * counter and sleeps on the other's (futex). The sides do not trust each other: what the other one
 * can write is read once and checked, and the reader copies a block out before it looks at it.
 * A side that dies leaves the other asleep; the coordinator, which sees it die, kills that one too.
 */
enum {
	RING_BLOCKS = 8,
	RING_BLOCK = 256 << 10,
};

struct ring {
	_Atomic uint32_t head; /* blocks published */
	_Atomic uint32_t tail; /* blocks released */
	_Atomic uint32_t writer_sleeps, reader_sleeps;
	_Atomic uint32_t len[RING_BLOCKS]; /* 0 = the end */
	uint8_t data[RING_BLOCKS][RING_BLOCK];
};

/* For the next stream; nobody may be using it. */
void ring_reset(struct ring *r);

/* The writer's free block, waiting for it; ring_put() publishes len bytes of it. */
uint8_t *ring_get_free(struct ring *r);
void ring_put(struct ring *r, uint32_t len);
/* The end of a stream that is complete. One that is not simply never ends. */
void ring_end(struct ring *r);

/*
 * Copy the next block to buf[RING_BLOCK], waiting for it, and release it. *ret_len 0: the end.
 * -EPROTO: the writer wrote nonsense.
 */
int ring_take(struct ring *r, uint8_t *buf, size_t *ret_len) _nodiscard_;
