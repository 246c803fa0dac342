/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>

#include "codec/inflate_ops.h"

static void *z_open(void)
{
	z_stream *z = xcalloc(1, sizeof(*z));

	/* 31: the largest window, with a gzip header and trailer that are checked. */
	if (inflateInit2(z, 31) != Z_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static void z_close(void *state)
{
	(void)inflateEnd(state); /* fails only for a bad pointer */
	free(state);
}

static int z_restart(void *state)
{
	return inflateReset(state) == Z_OK ? 0 : -EIO;
}

static int z_run(void *state, struct inflate_step *s)
{
	z_stream *z = state;
	size_t in = s->n_in < UINT_MAX ? s->n_in : UINT_MAX;
	size_t out = s->n_out < UINT_MAX ? s->n_out : UINT_MAX;
	int r;

	z->next_in = (Bytef *)(uintptr_t)s->in; /* the library takes no const */
	z->avail_in = (uInt)in;
	z->next_out = s->out;
	z->avail_out = (uInt)out;
	r = inflate(z, Z_NO_FLUSH);
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return -EBADMSG;
	s->in += in - z->avail_in;
	s->n_in -= in - z->avail_in;
	s->out += out - z->avail_out;
	s->n_out -= out - z->avail_out;
	s->end = r == Z_STREAM_END;
	return 0;
}

const struct inflate_ops *inflate_ops_gzip(void)
{
	static const struct inflate_ops ops = {
		.open = z_open,
		.close = z_close,
		.run = z_run,
		.restart = z_restart,
	};

	return &ops;
}
