/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/content.h"

static int again(void *ctx)
{
	return sha256_again(ctx);
}

static int update(void *ctx, const void *p, size_t n)
{
	return sha256_add(ctx, p, n);
}

static int final(void *ctx, uint8_t ret[32])
{
	return sha256_end(ctx, ret);
}

int content_hash(struct sha256 *sha, struct hash *ret)
{
	static const struct hash_ops ops = { .init = again, .update = update, .final = final };

	*ret = (struct hash){ .ops = &ops, .ctx = sha };
	return sha256_init(sha);
}

static int run(void *ctx, const uint8_t **in, size_t *n_in, bool end, uint8_t *out, size_t cap,
	       size_t *ret_n)
{
	return compress_run(ctx, in, n_in, end, out, cap, ret_n);
}

void content_squeeze(struct compress *c, struct squeeze *ret)
{
	static const struct squeeze_ops ops = { .run = run };

	*ret = (struct squeeze){ .ops = &ops, .ctx = c, .codec = SQUEEZE_ZSTD };
}
