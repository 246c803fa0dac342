/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "codec/compress.h"

int compress_new(struct compress **ret)
{
	*ret = NULL;
	return -EOPNOTSUPP;
}

void compress_free(struct compress *c)
{
	(void)c; /* always NULL */
}

int compress_run(struct compress *c, const uint8_t **in, size_t *n_in, bool end, uint8_t *out,
		 size_t cap, size_t *ret_n)
{
	(void)c;
	(void)in;
	(void)n_in;
	(void)end;
	(void)out;
	(void)cap;
	*ret_n = 0;
	return -EOPNOTSUPP;
}
