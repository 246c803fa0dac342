/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "transfer/wire.h"

/* What a fetcher that was taken over may tell: the input, and the input filled up to a message. */
static void take(const uint8_t *data, size_t size)
{
	_cleanup_(freep) struct wire_tell *t = xmalloc(sizeof(*t));
	char line[ERROR_TEXT_MAX + 256];

	if (wire_tell_take(data, size, t) < 0)
		return;
	assert(size == sizeof(*t) && t->slot < WIRE_SLOTS && t->len <= MANIFEST_SIZE_MAX);
	assert(strnlen(t->content_type, sizeof(t->content_type)) < sizeof(t->content_type));
	assert(t->result <= 0 && error_is_set(&t->err) == (t->result < 0));
	assert(error_exit_status(&t->err) == EXIT_OURS);
	assert(strnlen(t->err.text, sizeof(t->err.text)) < sizeof(t->err.text));
	assert(strnlen(t->err.hint, sizeof(t->err.hint)) < sizeof(t->err.hint));
	if (t->result < 0)
		assert(strlen(error_format(&t->err, line, sizeof(line))) < sizeof(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_tell whole;

	take(data, size);
	memset(&whole, size ? data[0] : 0xff, sizeof(whole));
	memcpy(&whole, data, size < sizeof(whole) ? size : sizeof(whole));
	take((const uint8_t *)&whole, sizeof(whole));
	return 0;
}
