/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <zstd.h>

#include "codec/inflate_ops.h"

static void *zs_open(void)
{
	return ZSTD_createDStream();
}

static void zs_close(void *state)
{
	ZSTD_freeDStream(state);
}

/* The stream goes on with the next frame by itself. */
static int zs_restart(void *state)
{
	(void)state;
	return 0;
}

static int zs_run(void *state, struct inflate_step *s)
{
	ZSTD_inBuffer in = { .src = s->in, .size = s->n_in };
	ZSTD_outBuffer out = { .dst = s->out, .size = s->n_out };
	size_t r = ZSTD_decompressStream(state, &out, &in);

	if (ZSTD_isError(r))
		return -EBADMSG;
	s->in += in.pos;
	s->n_in -= in.pos;
	s->out += out.pos;
	s->n_out -= out.pos;
	s->end = r == 0;
	return 0;
}

const struct inflate_ops *inflate_ops_zstd(void)
{
	static const struct inflate_ops ops = {
		.open = zs_open,
		.close = zs_close,
		.run = zs_run,
		.restart = zs_restart,
	};

	return &ops;
}
