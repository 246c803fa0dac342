/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "runtime/mountinfo.h"
#include "runtime/observe.h"

/* What /proc tells of a container's process: the frame is the kernel's, names are anybody's. */
static void try_mountinfo(const char *text)
{
	struct mountinfo m;

	if (mountinfo_by_target(text, "/", &m) == 0)
		assert(str_eq(m.target, "/") && *m.type);
	if (mountinfo_by_id(text, 30, &m) == 0) {
		assert(m.id == 30 && *m.options);
		(void)mountinfo_has_option(&m, "ro");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = xmalloc(size + 1);
	struct observed o = { 0 };
	struct observed_ids ids = { 0 };

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	try_mountinfo(text);
	if (observe_status(text, &o) == 0)
		assert(strstr(text, "CapBnd"));
	if (observe_map(text, &ids) == 0)
		assert(ids.count > 0);
	return 0;
}
