/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/verify.h"

#include "runtime/userns.h"
#include "storage/layer.h"
#include "transfer/content.h"

int verify_layer(struct store *s, const struct digest *diff_id, struct error *err)
{
	_cleanup_(sha256_done) struct sha256 sha = { 0 };
	struct hash hash;
	int r;

	r = content_hash(&sha, &hash);
	if (r < 0)
		return error_code(err, r, "set up the digest");
	return layer_verify(s, diff_id, &hash, err);
}

int verify_run(const char *root, const char *hex, struct error *err)
{
	_cleanup_(store_closep) struct store *s = NULL;
	struct digest d;
	struct idmap map;
	int r;

	r = digest_from_hex(hex, &d);
	if (r < 0)
		return error_code(err, r, "layer %s", hex);
	r = idmap_load(&map, err);
	if (r == 0)
		r = store_open(root, 0, &s, err);
	if (r == 0)
		r = userns_enter(&map, err);
	return r < 0 ? r : verify_layer(s, &d, err);
}
