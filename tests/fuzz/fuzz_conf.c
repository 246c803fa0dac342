/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "base/cgroupfs.h"
#include "base/conf.h"
#include "base/error.h"

static int entry(const char *key, const char *value, unsigned line, void *data, struct error *err)
{
	unsigned *last = data;

	(void)err;
	assert(*key && strlen(key) < CONF_KEY_MAX && strlen(value) < CONF_VALUE_MAX);
	assert(!strchr(key, '\n') && !strchr(value, '\n') && line > *last);
	*last = line;
	return 0;
}

/* The files of the cgroup2 file system are the kernel's, but in a container's view anybody's. */
static void try_cgroup(const char *text)
{
	uint64_t n;

	if (cgroupfs_key(text, "oom_kill", &n) == 0)
		assert(strstr(text, "oom_kill "));
	if (cgroupfs_has_word(text, "memory"))
		assert(strstr(text, "memory"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = xmalloc(size + 1);
	struct error err = { 0 };
	unsigned last = 0;

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (conf_parse(text, size, entry, &last, &err) < 0)
		assert(error_is_set(&err));
	try_cgroup(text);
	return 0;
}
