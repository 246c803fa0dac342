/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "storage/tar.h"

/* What the unpacker relies on. */
static void check_entry(const struct tar_entry *e)
{
	uint64_t end = 0, sum = 0;

	assert(strlen(e->path) < TAR_PATH_MAX);
	assert(strlen(e->link) < TAR_PATH_MAX);
	assert(e->mode <= 07777);
	assert(e->mtime_ns < 1000000000);
	assert(e->size <= INT64_MAX && e->body <= INT64_MAX);
	assert(e->n_xattrs <= TAR_XATTRS_MAX);
	for (size_t i = 0; i < e->n_xattrs; i++) {
		assert(e->xattrs[i].name_len >= 1 && e->xattrs[i].name_len <= TAR_XATTR_NAME_MAX);
		assert(!memchr(e->xattrs[i].name, '\0', e->xattrs[i].name_len));
		assert(e->xattrs[i].value_len <= TAR_XATTR_VALUE_MAX);
	}
	if (!e->is_sparse)
		return;
	assert(e->type == TAR_FILE && e->n_segments <= TAR_SPARSE_MAX);
	for (size_t i = 0; i < e->n_segments; i++) {
		assert(e->segments[i].offset >= end);
		end = e->segments[i].offset + e->segments[i].length;
		sum += e->segments[i].length;
	}
	assert(end <= e->size && sum == e->body);
}

static int feed_ext(struct tar_parser *p, const uint8_t **data, size_t *size)
{
	size_t n, pad;
	char *ext = tar_parser_ext(p, &n);

	if (n > *size)
		return -1;
	if (n)
		memcpy(ext, *data, n);
	pad = (size_t)tar_padding(n);
	n += pad < *size - n ? pad : *size - n;
	*data += n;
	*size -= n;
	return tar_parser_ext_done(p);
}

/* A right checksum, so that what it protects is reached. */
static void fix_sum(uint8_t block[TAR_BLOCK])
{
	unsigned sum = 0;

	memset(block + 148, ' ', 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	(void)snprintf((char *)block + 148, 8, "%06o", sum);
}

static void run(const uint8_t *data, size_t size, bool fix)
{
	_cleanup_(tar_parser_freep) struct tar_parser *p = tar_parser_new();
	uint8_t block[TAR_BLOCK];

	while (size >= TAR_BLOCK) {
		int r;

		memcpy(block, data, TAR_BLOCK);
		if (fix && block[0])
			fix_sum(block);
		r = tar_parser_block(p, block);
		data += TAR_BLOCK;
		size -= TAR_BLOCK;
		if (r == TAR_WANT_EXT && feed_ext(p, &data, &size) < 0)
			return;
		if (r == TAR_ENTRY) {
			const struct tar_entry *e = tar_parser_entry(p);
			uint64_t body = e->body + tar_padding(e->body);

			check_entry(e);
			body = body < size ? body : size;
			data += body;
			size -= (size_t)body;
		}
		if (r < 0 || r == TAR_END)
			return;
	}
	ignore_result(tar_parser_eof(p)); /* either answer is right */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run(data, size, false);
	run(data, size, true);
	return 0;
}
