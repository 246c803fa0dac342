/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "oci/manifest.h"
#include "storage/ctrstate.h"
#include "storage/imgrec.h"
#include "storage/ref.h"
#include "storage/refname.h"
#include "storage/textrec.h"

/* What was read is written and read again: the same. */
static void try_state(const char *text, size_t size)
{
	char again[CONTAINER_STATE_MAX];
	struct container_state a, b;
	size_t n;

	if (container_parse_state(text, size, &a) < 0)
		return;
	n = container_format_state(&a, again);
	assert(n > 0 && n <= sizeof(again));
	assert(container_parse_state(again, n, &b) == 0);
	assert(a.status == b.status && a.pid == b.pid && a.start_time == b.start_time);
	assert(a.exit_code == b.exit_code && a.remove_at_end == b.remove_at_end);
	assert(strlen(a.error) == strlen(b.error) && strcmp(a.node, b.node) == 0);
}

/* Each level is a file name, and none but the last is without '+'. */
static void try_name(const char *name)
{
	char path[REFNAME_PATH_MAX];

	if (refname_escape(name, path) < 0)
		return;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		assert(n > 0 && n <= NAME_MAX && p[0] != '.');
		assert((p[n] == '/') == (p[n - 1] == '+'));
		p += n + (p[n] == '/');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = xmalloc(size + 1); /* exactly sized: a read past it is seen */
	struct textrec rec;
	struct image image;
	struct ref ref;

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (textrec_parse(text, size, "any", UINT_MAX, &rec) == 0) {
		const char *value;
		size_t pos = 0, n;

		while (textrec_next(&rec, &pos, "key", &value, &n))
			assert(value >= text && value + n <= text + size);
	}
	try_state(text, size);
	if (imgrec_parse(text, size, &image) == 0) {
		assert(image.n_layers <= MANIFEST_LAYERS_MAX && digest_is_set(&image.manifest));
		image_done(&image);
	}
	if (ref_parse(text, size, &ref) == 0)
		try_name(ref.name);
	try_name(text);
	return 0;
}
