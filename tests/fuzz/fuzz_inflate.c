/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "codec/inflate.h"

enum {
	OUT = 4096,
	TOTAL_MAX = 1 << 20, /* a bomb may grow no further here */
};

/* All of it in pieces of `piece` bytes; returns a sum of the output, *ret_ok whether it ended well.
 */
static uint64_t run(const uint8_t *data, size_t size, size_t piece, int *ret_ok)
{
	_cleanup_(inflate_freep) struct inflate *f = NULL;
	uint64_t sum = 0, total = 0;
	uint8_t out[OUT];

	*ret_ok = 0;
	if (inflate_new(inflate_detect(data, size), &f) < 0)
		return 0;
	while (size && total < TOTAL_MAX) {
		size_t n = size < piece ? size : piece, got = OUT;
		const uint8_t *p = data;

		data += n;
		size -= n;
		while (got == OUT && total < TOTAL_MAX) {
			if (inflate_run(f, &p, &n, out, OUT, &got) < 0)
				return 0;
			assert(got <= OUT);
			for (size_t i = 0; i < got; i++)
				sum = sum * 31 + out[i];
			total += got;
		}
		assert(n == 0 || total >= TOTAL_MAX);
	}
	*ret_ok = total < TOTAL_MAX && inflate_end(f) == 0;
	return sum;
}

/* How the stream is cut must not matter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int whole_ok, cut_ok;
	uint64_t whole = run(data, size, size ? size : 1, &whole_ok);
	uint64_t cut = run(data, size, 7, &cut_ok);

	assert(whole_ok == cut_ok);
	if (whole_ok)
		assert(whole == cut);
	return 0;
}
