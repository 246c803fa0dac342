/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <zstd.h>

#include "codec/compress.h"

enum {
	LEVEL = 1,
	WINDOW_LOG = 18,
};

/* struct compress is zstd's own context, by another name. */
static ZSTD_CCtx *context(struct compress *c)
{
	return (ZSTD_CCtx *)c;
}

int compress_new(struct compress **ret)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	if (!c)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, WINDOW_LOG))) {
		(void)ZSTD_freeCCtx(c);
		return -EINVAL;
	}
	*ret = (struct compress *)c;
	return 0;
}

void compress_free(struct compress *c)
{
	(void)ZSTD_freeCCtx(context(c)); /* NULL is fine */
}

int compress_run(struct compress *c, const uint8_t **in, size_t *n_in, bool end, uint8_t *out,
		 size_t cap, size_t *ret_n)
{
	ZSTD_inBuffer from = { .src = *in, .size = *n_in };
	ZSTD_outBuffer to = { .dst = out, .size = cap };
	size_t r = ZSTD_compressStream2(context(c), &to, &from, end ? ZSTD_e_end : ZSTD_e_continue);

	if (ZSTD_isError(r))
		return -EIO;
	*in += from.pos;
	*n_in -= from.pos;
	*ret_n = to.pos;
	return end && r == 0;
}
