/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "storage/sidecar_format.h"
#include "storage/tarsplit.h"

/* Right checksums, so that what they protect is reached. */
static void fix_sums(uint8_t *p, size_t n)
{
	struct crc32c crc;
	uint32_t v;

	if (n < SIDECAR_HEADER_SIZE + SIDECAR_TRAILER_SIZE)
		return;
	crc32c_init(&crc);
	v = htole32(crc32c_update(&crc, 0, p, SIDECAR_HEADER_SIZE - 4));
	memcpy(p + SIDECAR_HEADER_SIZE - 4, &v, 4);
	v = crc32c_update(&crc, 0, p + SIDECAR_HEADER_SIZE,
			  n - SIDECAR_HEADER_SIZE - SIDECAR_TRAILER_SIZE);
	sidecar_encode_trailer(v, n, p + n - SIDECAR_TRAILER_SIZE);
}

static int give(void *ctx, const unsigned char **ret, size_t *ret_len)
{
	struct sidecar_tarsplit *t = ctx;

	*ret = t->p;
	*ret_len = t->len;
	t->len = 0;
	return *ret_len > 0;
}

static int take(void *ctx, const void *p, size_t n)
{
	size_t *sum = ctx;

	for (size_t i = 0; i < n; i++)
		*sum += ((const uint8_t *)p)[i];
	return 0;
}

/* Commands without a tree: every file is absent. */
static void read_tarsplit(const struct sidecar *s)
{
	struct sidecar_tarsplit t;
	size_t sum = 0;
	int r;

	if (sidecar_get_tarsplit(s, &t) < 0)
		return;
	r = tarsplit_rebuild(give, &t, -1, take, &sum, NULL);
	assert(r <= 0);
	assert(sum != SIZE_MAX);
}

static void read_all(const struct sidecar *s)
{
	for (size_t i = 0; i < sidecar_count(s); i++) {
		struct sidecar_entry e;
		struct sidecar_xattr x;
		uint32_t pos = 0;
		size_t at, sum = 0;

		sidecar_get(s, i, &e);
		assert(strlen(e.path) == e.path_len);
		assert(strlen(e.link) == e.link_len);
		while (sidecar_xattr_next(&e, &pos, &x)) {
			for (uint32_t k = 0; k < x.name_len; k++)
				sum += (uint8_t)x.name[k];
			for (uint32_t k = 0; k < x.value_len; k++)
				sum += x.value[k];
		}
		assert(pos == e.xattrs_len);
		assert(sidecar_find(s, e.path, &at) == 0 && at == i);
		assert(sum != SIZE_MAX);
	}
	read_tarsplit(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) uint8_t *copy = xmalloc(size + 1);
	_cleanup_(sidecar_closep) struct sidecar *s = NULL, *torn = NULL;

	if (size)
		memcpy(copy, data, size);
	if (sidecar_parse(copy, size, &torn, NULL) == 0)
		read_all(torn);
	fix_sums(copy, size);
	if (sidecar_parse(copy, size, &s, NULL) == 0)
		read_all(s);
	return 0;
}
