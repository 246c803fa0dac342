/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "oci/imgconfig.h"
#include "oci/manifest.h"

/* The bytes as each kind of document; what is accepted keeps what the callers rely on. */

static void as_manifest(const char *text, size_t n)
{
	struct error err = { 0 };
	struct manifest m;

	if (manifest_parse(text, n, &m, &err) < 0) {
		assert(err.code < 0 && err.text[0]);
		return;
	}
	assert(m.n_layers >= 1 && m.n_layers <= MANIFEST_LAYERS_MAX);
	assert(m.config.size <= IMGCONFIG_SIZE_MAX);
	for (size_t i = 0; i < m.n_layers; i++) {
		assert(strlen(m.layers[i].digest.hex) == DIGEST_HEX_LEN);
		assert(m.layers[i].size <= INT64_MAX);
	}
	manifest_done(&m);
}

static void as_index(const char *text, size_t n)
{
	struct image_index x;
	struct platform want;

	if (image_index_parse(text, n, &x, NULL) < 0)
		return;
	platform_host(&want);
	assert(x.n_manifests <= MANIFEST_INDEX_MAX);
	(void)image_index_choose(&x, &want); /* any answer, no fault */
	image_index_done(&x);
}

static void as_config(const char *text, size_t n)
{
	struct imgconfig c;

	if (imgconfig_parse(text, n, &c, NULL) < 0)
		return;
	assert(c.user && c.working_dir && c.stop_signal);
	assert(c.n_diff_ids <= MANIFEST_LAYERS_MAX);
	for (size_t i = 0; i < c.env.n; i++)
		assert(strchr(c.env.v[i], '=') > c.env.v[i]);
	imgconfig_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	enum media_type type, again;

	/* One document cannot be both. */
	if (manifest_detect(text, size, NULL, &type, NULL) == 0)
		assert(manifest_detect(text, size, media_type_format(type), &again, NULL) == 0 &&
		       again == type);
	as_manifest(text, size);
	as_index(text, size);
	as_config(text, size);
	return 0;
}
