/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "dnsmsg.h"
#include "resolv.h"

/* The same bytes as a query, as the answer to a part of themselves, and as a resolv.conf. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolv_list list;
	size_t end = 0;

	if (dnsmsg_is_query(data, size, &end)) {
		uint8_t *answer = xmalloc(end);

		assert(end > DNSMSG_HEADER_LEN && end <= size);
		dnsmsg_make_answer(data, end, DNSMSG_REFUSED, true, answer);
		assert(dnsmsg_answers(data, size, answer, end));
		assert(dnsmsg_rcode(answer) == DNSMSG_REFUSED);
		free(answer);
	}
	(void)dnsmsg_answers(data, size / 2, data + size / 2, size - size / 2);
	(void)dnsmsg_answers(data, size, data, size);
	resolv_parse((const char *)data, size, &list);
	assert(list.n >= 1 && list.n <= RESOLV_MAX);
	for (uint32_t i = 0; i < list.n; i++)
		assert(memchr(list.scope[i], '\0', sizeof(list.scope[i])));
	return 0;
}
