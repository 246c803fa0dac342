/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>

#include "codec/inflate_ops.h"

static void isal_setup(struct inflate_state *st)
{
	/* A reset keeps no crc_flag: without it neither header nor trailer would be read. */
	st->crc_flag = ISAL_GZIP;
}

static void *isal_open(void)
{
	struct inflate_state *st = xcalloc(1, sizeof(*st));

	isal_inflate_init(st);
	isal_setup(st);
	return st;
}

static int isal_restart(void *state)
{
	isal_inflate_reset(state);
	isal_setup(state);
	return 0;
}

static int isal_run(void *state, struct inflate_step *s)
{
	struct inflate_state *st = state;
	size_t in = s->n_in < UINT32_MAX ? s->n_in : UINT32_MAX;
	size_t out = s->n_out < UINT32_MAX ? s->n_out : UINT32_MAX;

	st->next_in = (uint8_t *)(uintptr_t)s->in; /* the library takes no const */
	st->avail_in = (uint32_t)in;
	st->next_out = s->out;
	st->avail_out = (uint32_t)out;
	if (isal_inflate(st) != ISAL_DECOMP_OK)
		return -EBADMSG;
	s->in += in - st->avail_in;
	s->n_in -= in - st->avail_in;
	s->out += out - st->avail_out;
	s->n_out -= out - st->avail_out;
	s->end = st->block_state == ISAL_BLOCK_FINISH;
	return 0;
}

const struct inflate_ops *inflate_ops_gzip(void)
{
	static const struct inflate_ops ops = {
		.open = isal_open,
		.close = free,
		.run = isal_run,
		.restart = isal_restart,
	};

	return &ops;
}
