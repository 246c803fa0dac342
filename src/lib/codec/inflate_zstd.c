/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "codec/inflate.h"
#include "codec/inflate_ops.h"

static void *zs_open(void)
{
	ZSTD_DStream *d = ZSTD_createDStream();
	size_t r = d ? ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, INFLATE_WINDOW_LOG_MAX) : 0;

	if (!ZSTD_isError(r))
		return d;
	(void)ZSTD_freeDStream(d);
	return NULL;
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
		return ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge ? -EFBIG
											: -EBADMSG;
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
