/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "oci/platform.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *s = xstrndup((const char *)data, size);
	char full[REFERENCE_STR_MAX], twice[REFERENCE_STR_MAX];
	struct reference ref, again;
	struct platform p;

	(void)!platform_parse(s, &p, NULL); /* any answer, no fault */
	if (reference_parse(s, &ref, NULL) < 0)
		return 0;
	/* The full form names the same image, and is safe in a URL and as one file name. */
	reference_format(&ref, full);
	assert(reference_parse(full, &again, NULL) == 0);
	assert(str_eq(reference_format(&again, twice), full));
	assert(!strstr(ref.domain, "..") && !strstr(ref.path, "..") &&
	       !strpbrk(full, " \t\r\n%?#\\\"'"));
	return 0;
}
