/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oci/manifest.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "codec/json.h"

static const struct media_row {
	enum media_type type;
	const char *name;
} media_rows[] = {
	{ MEDIA_OCI_INDEX, "application/vnd.oci.image.index.v1+json" },
	{ MEDIA_OCI_MANIFEST, "application/vnd.oci.image.manifest.v1+json" },
	{ MEDIA_OCI_CONFIG, "application/vnd.oci.image.config.v1+json" },
	{ MEDIA_OCI_LAYER, "application/vnd.oci.image.layer.v1.tar" },
	{ MEDIA_OCI_LAYER_GZIP, "application/vnd.oci.image.layer.v1.tar+gzip" },
	{ MEDIA_OCI_LAYER_ZSTD, "application/vnd.oci.image.layer.v1.tar+zstd" },
	{ MEDIA_OCI_EMPTY, "application/vnd.oci.empty.v1+json" },
	{ MEDIA_DOCKER_LIST, "application/vnd.docker.distribution.manifest.list.v2+json" },
	{ MEDIA_DOCKER_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json" },
	{ MEDIA_DOCKER_CONFIG, "application/vnd.docker.container.image.v1+json" },
	{ MEDIA_DOCKER_LAYER, "application/vnd.docker.image.rootfs.diff.tar" },
	{ MEDIA_DOCKER_LAYER_GZIP, "application/vnd.docker.image.rootfs.diff.tar.gzip" },
	{ MEDIA_DOCKER_LAYER_ZSTD, "application/vnd.docker.image.rootfs.diff.tar.zstd" },
	{ MEDIA_FOREIGN, "application/vnd.oci.image.layer.nondistributable.v1.tar" },
	{ MEDIA_FOREIGN, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" },
	{ MEDIA_FOREIGN, "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd" },
	{ MEDIA_FOREIGN, "application/vnd.docker.image.rootfs.foreign.diff.tar" },
	{ MEDIA_FOREIGN, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" },
};

enum media_type media_type_parse(const char *s)
{
	/* Parameters ("; charset=utf-8") are no part of the type. */
	size_t n = strcspn(s, "; \t");

	for (size_t i = 0; i < ARRAY_SIZE(media_rows); i++)
		if (strlen(media_rows[i].name) == n && strncmp(s, media_rows[i].name, n) == 0)
			return media_rows[i].type;
	return MEDIA_UNKNOWN;
}

const char *media_type_format(enum media_type type)
{
	for (size_t i = 0; i < ARRAY_SIZE(media_rows); i++)
		if (media_rows[i].type == type)
			return media_rows[i].name;
	return "unknown";
}

static bool is_index(enum media_type type)
{
	return type == MEDIA_OCI_INDEX || type == MEDIA_DOCKER_LIST;
}

static bool is_manifest(enum media_type type)
{
	return type == MEDIA_OCI_MANIFEST || type == MEDIA_DOCKER_MANIFEST;
}

static bool is_layer(enum media_type type)
{
	return type == MEDIA_OCI_LAYER || type == MEDIA_OCI_LAYER_GZIP ||
	       type == MEDIA_OCI_LAYER_ZSTD || type == MEDIA_DOCKER_LAYER ||
	       type == MEDIA_DOCKER_LAYER_GZIP || type == MEDIA_DOCKER_LAYER_ZSTD;
}

static int parse_document(const char *json, size_t len, struct json_object **ret, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	uint64_t version = 0;
	bool found;
	int r;

	if (len > MANIFEST_SIZE_MAX)
		return error_set(err, -EFBIG, "manifest of %zu bytes is larger than %d", len,
				 MANIFEST_SIZE_MAX);
	r = json_parse(json, len, &o, err);
	if (r < 0)
		goto fail;
	if (!json_object_is_type(o, json_type_object))
		return error_set(err, -EINVAL, "manifest is not a JSON object");
	r = json_get_u64(o, "schemaVersion", &version, &found, err);
	if (r < 0)
		goto fail;
	if (found && version == 1) {
		error_set(err, -EOPNOTSUPP, "manifest of docker's schema 1 is not supported");
		error_hint(err, "the image is older than 2017: push it again with a current tool");
		return -EOPNOTSUPP;
	}
	if (!found || version != 2)
		return error_set(err, -EINVAL, "manifest has no schemaVersion 2");
	*ret = TAKE_PTR(o);
	return 0;
fail:
	error_prefix(err, "manifest");
	return r;
}

/* What the document is, by its own words and its shape. */
static int detect_document(struct json_object *o, enum media_type *ret, struct error *err)
{
	bool has_layers = json_object_object_get_ex(o, "layers", NULL) ||
			  json_object_object_get_ex(o, "config", NULL) ||
			  json_object_object_get_ex(o, "fsLayers", NULL);
	bool has_manifests = json_object_object_get_ex(o, "manifests", NULL);
	const char *own;
	enum media_type type;
	int r;

	if (has_layers && has_manifests)
		return error_set(err, -EBADMSG,
				 "manifest is ambiguous: both an image and an index");
	if (!has_layers && !has_manifests)
		return error_set(err, -EINVAL, "manifest has neither layers nor manifests");
	r = json_get_string(o, "mediaType", &own, err);
	if (r < 0)
		return r;
	if (!own) {
		*ret = has_manifests ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
		return 0;
	}
	type = media_type_parse(own);
	if (!is_index(type) && !is_manifest(type))
		return error_set(err, -EOPNOTSUPP, "manifest has the unknown media type '%.100s'",
				 own);
	if (is_index(type) != has_manifests)
		return error_set(err, -EBADMSG,
				 "manifest is ambiguous: its content does not fit its media type");
	*ret = type;
	return 0;
}

int manifest_detect(const char *json, size_t len, const char *content_type, enum media_type *ret,
		    struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	enum media_type said = content_type ? media_type_parse(content_type) : MEDIA_UNKNOWN;
	enum media_type type;
	const char *own;
	int r;

	r = parse_document(json, len, &o, err);
	if (r < 0)
		return r;
	r = detect_document(o, &type, err);
	if (r < 0)
		return r;
	r = json_get_string(o, "mediaType", &own, err);
	if (r < 0)
		return r;
	if (said == MEDIA_UNKNOWN) {
		*ret = type;
		return 0;
	}
	/* Without a mediaType of its own the document is what the server says, if the shape fits.
	 */
	if (own ? said != type
		: is_index(said) != is_index(type) || (!is_index(said) && !is_manifest(said)))
		return error_set(err, -EBADMSG,
				 "manifest is ambiguous: the registry calls it %s, the content %s",
				 media_type_format(said), media_type_format(type));
	*ret = said;
	return 0;
}

static int parse_platform(struct json_object *o, struct platform *ret, struct error *err)
{
	static const struct {
		const char *key;
		size_t offset;
	} fields[] = {
		{ "os", offsetof(struct platform, os) },
		{ "architecture", offsetof(struct platform, arch) },
		{ "variant", offsetof(struct platform, variant) },
	};
	struct json_object *p;
	int r;

	r = json_get_object(o, "platform", &p, err);
	if (r < 0 || !p)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *s;

		r = json_get_string(p, fields[i].key, &s, err);
		if (r < 0)
			return r;
		if (!s)
			continue;
		r = str_copy((char *)ret + fields[i].offset, sizeof(ret->os), s);
		if (r < 0)
			return error_set(err, -EINVAL, "platform name '%.40s...' is too long", s);
	}
	platform_normalize(ret);
	return 0;
}

static int parse_descriptor(struct json_object *o, struct descriptor *ret, struct error *err)
{
	struct descriptor d = { 0 };
	const char *type, *digest;
	bool found;
	int r;

	if (!json_object_is_type(o, json_type_object))
		return error_set(err, -EINVAL, "descriptor is not an object");
	r = json_get_string(o, "mediaType", &type, err);
	if (r < 0)
		return r;
	r = json_get_string(o, "digest", &digest, err);
	if (r < 0)
		return r;
	r = json_get_u64(o, "size", &d.size, &found, err);
	if (r < 0)
		return r;
	if (!type || !digest || !found)
		return error_set(err, -EINVAL, "descriptor without mediaType, digest or size");
	if (d.size > INT64_MAX)
		return error_set(err, -EFBIG, "descriptor with an impossible size");
	d.type = media_type_parse(type);
	r = digest_parse(digest, &d.digest);
	if (r == -EOPNOTSUPP)
		return error_set(err, r, "digest '%.80s' is not sha256, which alone is supported",
				 digest);
	if (r < 0)
		return error_set(err, r, "bad digest '%.80s'", digest);
	r = parse_platform(o, &d.platform, err);
	if (r < 0)
		return r;
	*ret = d;
	return 0;
}

static int parse_descriptors(struct json_object *o, const char *key, size_t max,
			     struct descriptor **ret, size_t *ret_n, struct error *err)
{
	_cleanup_(freep) struct descriptor *list = NULL;
	struct json_object *a;
	size_t n;
	int r;

	r = json_get_array(o, key, max, &a, err);
	if (r < 0)
		return r;
	n = a ? json_object_array_length(a) : 0;
	list = xcalloc(n ? n : 1, sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		r = parse_descriptor(json_object_array_get_idx(a, i), &list[i], err);
		if (r < 0) {
			error_prefix(err, "%s entry %zu", key, i + 1);
			return r;
		}
	}
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return 0;
}

static int check_config(const struct manifest *m, struct error *err)
{
	if (m->config.type != MEDIA_OCI_CONFIG && m->config.type != MEDIA_DOCKER_CONFIG) {
		error_set(err, -EOPNOTSUPP, "not a container image: its config is of another type");
		error_hint(err,
			   "it may be a chart, a signature or another artifact with that name");
		return -EOPNOTSUPP;
	}
	if (m->config.size > IMGCONFIG_SIZE_MAX)
		return error_set(err, -EFBIG, "image config of %llu bytes is larger than %d",
				 (unsigned long long)m->config.size, IMGCONFIG_SIZE_MAX);
	return 0;
}

static int check_layers(const struct manifest *m, struct error *err)
{
	if (m->n_layers == 0)
		return error_set(err, -EOPNOTSUPP, "image has no layers: there is nothing to run");
	for (size_t i = 0; i < m->n_layers; i++) {
		if (m->layers[i].type == MEDIA_FOREIGN)
			return error_set(err, -EOPNOTSUPP,
					 "layer %zu is not distributable: it lies outside the "
					 "registry",
					 i + 1);
		if (!is_layer(m->layers[i].type))
			return error_set(err, -EOPNOTSUPP, "layer %zu is of an unknown media type",
					 i + 1);
	}
	return 0;
}

static int fill_manifest(struct json_object *o, struct manifest *m, struct error *err)
{
	struct json_object *config;
	int r;

	r = detect_document(o, &m->type, err);
	if (r < 0)
		return r;
	if (!is_manifest(m->type))
		return error_set(err, -EINVAL, "manifest is an index, not an image");
	r = json_get_object(o, "config", &config, err);
	if (r < 0)
		return r;
	if (!config)
		return error_set(err, -EINVAL, "manifest has no config");
	r = parse_descriptor(config, &m->config, err);
	if (r < 0) {
		error_prefix(err, "config");
		return r;
	}
	r = parse_descriptors(o, "layers", MANIFEST_LAYERS_MAX, &m->layers, &m->n_layers, err);
	if (r < 0)
		return r;
	r = check_config(m, err);
	return r < 0 ? r : check_layers(m, err);
}

int manifest_parse(const char *json, size_t len, struct manifest *ret, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	_cleanup_(manifest_done) struct manifest m = { 0 };
	int r;

	r = parse_document(json, len, &o, err);
	if (r < 0)
		return r;
	r = fill_manifest(o, &m, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

void manifest_done(struct manifest *m)
{
	free(m->layers);
	*m = (struct manifest){ 0 };
}

int image_index_parse(const char *json, size_t len, struct image_index *ret, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct image_index x = { 0 };
	int r;

	r = parse_document(json, len, &o, err);
	if (r < 0)
		return r;
	r = detect_document(o, &x.type, err);
	if (r < 0)
		return r;
	if (!is_index(x.type))
		return error_set(err, -EINVAL, "manifest is an image, not an index");
	r = parse_descriptors(o, "manifests", MANIFEST_INDEX_MAX, &x.manifests, &x.n_manifests,
			      err);
	if (r < 0)
		return r;
	*ret = x;
	return 0;
}

void image_index_done(struct image_index *x)
{
	free(x->manifests);
	*x = (struct image_index){ 0 };
}

/* 0 = no; the larger the better the variant fits. */
static unsigned match_score(const struct descriptor *d, const struct platform *want)
{
	/* Attestations say unknown/unknown. */
	if (!is_manifest(d->type) || !d->platform.os[0] || str_eq(d->platform.os, "unknown"))
		return 0;
	if (!platform_match(want, &d->platform))
		return 0;
	if (str_eq(want->variant, d->platform.variant))
		return 4;
	if (!d->platform.variant[0])
		return 3;
	/* For arm: the newest of the older ones. amd64/v2.. asked for without a variant: last. */
	return want->variant[0] ? 2 : 1;
}

/* No image fits: an index in the index may have one. Those seldom say for what. */
static const struct descriptor *choose_nested(const struct image_index *x,
					      const struct platform *want)
{
	for (size_t i = 0; i < x->n_manifests; i++) {
		const struct descriptor *d = &x->manifests[i];

		if (is_index(d->type) && (!d->platform.os[0] || platform_match(want, &d->platform)))
			return d;
	}
	return NULL;
}

/* Tools that push one image leave the platform out. Of several nobody knows which. */
static const struct descriptor *choose_silent(const struct image_index *x)
{
	const struct descriptor *found = NULL;

	for (size_t i = 0; i < x->n_manifests; i++) {
		const struct descriptor *d = &x->manifests[i];

		if (!is_manifest(d->type) || d->platform.os[0] || d->platform.arch[0])
			continue;
		if (found)
			return NULL;
		found = d;
	}
	return found;
}

const struct descriptor *image_index_choose(const struct image_index *x,
					    const struct platform *want)
{
	const struct descriptor *best = NULL;
	unsigned best_score = 0;

	for (size_t i = 0; i < x->n_manifests; i++) {
		const struct descriptor *d = &x->manifests[i];
		unsigned score = match_score(d, want);

		if (score > best_score ||
		    (best && score == best_score && score == 2 &&
		     strcmp(d->platform.variant, best->platform.variant) > 0)) {
			best = d;
			best_score = score;
		}
	}
	return best ?: choose_nested(x, want) ?: choose_silent(x);
}
