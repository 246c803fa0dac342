/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * Compressed bytes of one layer on their way from the network thread to the thread that inflates
 * them: a bounded buffer between two threads of the fetcher.
 */
enum {
	INTAKE_SIZE = 512 << 10,
};

struct intake;

struct intake *intake_new(void);
/* For the next layer. */
void intake_reset(struct intake *in);

/* The network thread. false: no room for all of it now; intake_wants_more() will tell. */
bool intake_put(struct intake *in, const void *p, size_t n);
/* The end: result 0, or -errno with err. */
void intake_end(struct intake *in, int result, const struct error *err);
/* Was a put refused and is there room again? Clears the mark. */
bool intake_wants_more(struct intake *in);

/*
 * The other thread: lends the next bytes, at least `min` unless the stream ends before. 0 in
 * *ret_n: the end. A failed stream returns its error at once.
 */
int intake_peek(struct intake *in, size_t min, const uint8_t **ret, size_t *ret_n,
		struct error *err) _nodiscard_;
/* Gives back n of them. true: the network thread waits for room and wants to be woken. */
bool intake_drop(struct intake *in, size_t n);
