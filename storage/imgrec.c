/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/imgrec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "oci/manifest.h"
#include "storage/fault.h"
#include "storage/textrec.h"

enum {
	IMAGE_VERSION = 1,
	IMAGE_ID_PREFIX_MIN = 4,
	IMAGE_RECORD_MAX = 64 << 10, /* 500 layers are 40 KiB */
};

bool imgrec_is_name(const char *hex)
{
	struct digest d;

	return digest_from_hex(hex, &d) == 0;
}

bool imgrec_exists(struct store *s, const char *hex)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "images");

	return dir >= 0 && faccessat(dir, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void imgrec_unlink(struct store *s, const char *hex)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "images");

	if (dir >= 0)
		(void)unlinkat(dir, hex, 0);
}

void image_done(struct image *i)
{
	free(i->layers);
	strv_done(&i->names);
	strv_done(&i->digests);
	*i = (struct image){ 0 };
}

static int parse_layers(const struct textrec *rec, struct image *i)
{
	size_t pos = 0, cap = 0, n;
	const char *value;

	while (textrec_next(rec, &pos, "layer", &value, &n)) {
		char text[DIGEST_STR_MAX];
		int r;

		if (n >= sizeof(text) || i->n_layers == MANIFEST_LAYERS_MAX)
			return -EINVAL;
		memcpy(text, value, n);
		text[n] = '\0';
		i->layers = array_grow(i->layers, i->n_layers, &cap, sizeof(*i->layers));
		r = digest_parse(text, &i->layers[i->n_layers]);
		if (r < 0)
			return r;
		i->n_layers++;
	}
	return 0;
}

static int parse_fields(const struct textrec *rec, struct image *i)
{
	int r = textrec_get_digest(rec, "manifest", &i->manifest);

	if (r == 0)
		r = textrec_get_digest(rec, "config", &i->config);
	if (r == 0)
		r = textrec_get_u64(rec, "size", &i->size);
	if (r == 0)
		r = textrec_get(rec, "os", i->platform.os, sizeof(i->platform.os));
	if (r == 0)
		r = textrec_get(rec, "arch", i->platform.arch, sizeof(i->platform.arch));
	if (r == 0)
		r = textrec_get(rec, "variant", i->platform.variant, sizeof(i->platform.variant));
	if (r == 0)
		r = textrec_get(rec, "created", i->created, sizeof(i->created));
	if (r < 0)
		return r;
	r = textrec_get_digest(rec, "index", &i->index);
	return r == -ENODATA ? 0 : r;
}

int imgrec_parse(const char *text, size_t len, struct image *ret)
{
	struct image i = { 0 };
	struct textrec rec;
	int r;

	r = textrec_parse(text, len, "image", IMAGE_VERSION, &rec);
	if (r < 0)
		return r;
	r = parse_fields(&rec, &i);
	if (r == 0)
		r = parse_layers(&rec, &i);
	if (r < 0) {
		image_done(&i);
		return -EINVAL;
	}
	*ret = i;
	return 0;
}

int imgrec_read(struct store *s, const char *hex, struct image *ret, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(fd_closep) int dir = store_dir(s, "images");
	size_t len;
	int r;

	r = dir < 0 ? dir : path_read(dir, hex, IMAGE_RECORD_MAX, &text, &len);
	if (r == 0)
		r = imgrec_parse(text, len, ret);
	if (r == 0 && !str_eq(ret->manifest.hex, hex)) {
		image_done(ret);
		r = -EINVAL;
	}
	if (r < 0 && r != -ENOENT)
		return store_error_record(err, r, "pull the image again: that writes it anew",
					  "the image record %.12s in %s/images", hex, s->path);
	return r;
}

static void add_once(struct strv *v, const char *text)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->v[i], text))
			return;
	strv_add(v, text);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void imgrec_add_names(struct image *i, const struct ref *refs, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct reference r;
		char text[REFERENCE_STR_MAX];

		if (!digest_equal(&refs[k].manifest, &i->manifest))
			continue;
		add_once(&i->names, refs[k].name);
		if (!digest_is_set(&refs[k].asked) || reference_parse(refs[k].name, &r, NULL) < 0)
			continue;
		r.tag[0] = '\0';
		r.digest = refs[k].asked;
		add_once(&i->digests, reference_format(&r, text));
	}
	if (i->names.n)
		qsort(i->names.v, i->names.n, sizeof(char *), compare_names);
	if (i->digests.n)
		qsort(i->digests.v, i->digests.n, sizeof(char *), compare_names);
}

bool imgrec_has_digest(const struct ref *ref, const struct reference *want)
{
	struct reference have;

	return (digest_equal(&ref->asked, &want->digest) ||
		digest_equal(&ref->manifest, &want->digest)) &&
	       reference_parse(ref->name, &have, NULL) == 0 && str_eq(have.domain, want->domain) &&
	       str_eq(have.path, want->path);
}

/* NAME@sha256:...: the name that says so, else the first tag of that repository that has or was
 * asked for the digest. Not any: a directory has no order. */
static int find_digest(struct store *s, const struct reference *want, struct ref *ret,
		       struct error *err)
{
	char key[REFERENCE_STR_MAX];
	const struct ref *best = NULL;
	struct ref *refs = NULL;
	size_t n = 0;
	int r = ref_read(s, ref_name(want, key), ret, err);

	if (r != -ENOENT)
		return r;
	r = ref_list(s, &refs, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (imgrec_has_digest(&refs[i], want) &&
		    (!best || strcmp(refs[i].name, best->name) < 0))
			best = &refs[i];
	if (r == 0 && best)
		*ret = *best;
	else if (r == 0)
		r = -ENOENT;
	free(refs);
	return r;
}

static int find_reference(struct store *s, const char *text, struct ref *ret, struct error *err)
{
	char key[REFERENCE_STR_MAX];
	struct reference want;
	int r;

	if (reference_parse(text, &want, NULL) < 0)
		return -ENOENT;
	if (digest_is_set(&want.digest))
		return find_digest(s, &want, ret, err);
	r = ref_read(s, ref_name(&want, key), ret, err);
	return r;
}

/* docker's defaults, then localhost/NAME for a name that gave no registry. */
static int find_name(struct store *s, const char *text, struct ref *ret, struct error *err)
{
	char local[REFERENCE_STR_MAX];
	struct reference want;
	int r = find_reference(s, text, ret, err);

	if (r != -ENOENT || reference_parse(text, &want, NULL) < 0 ||
	    !str_eq(want.domain, "docker.io") || str_starts(text, "docker.io/") ||
	    str_starts(text, "index.docker.io/") ||
	    str_print(local, sizeof(local), "localhost/%s", text) < 0)
		return r;
	return find_reference(s, local, ret, err);
}

static int ambiguous(const char *prefix, struct error *err)
{
	error_set(err, -ENOTUNIQ, "\"%s\" begins the ids of several images", prefix);
	error_hint(err, "write more of the id: `carrel images --no-trunc` shows all of it");
	return -ENOTUNIQ;
}

static int find_id(struct store *s, const char *prefix, struct image *ret, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	struct image found = { 0 };
	int r = store_names(s->root_fd, "images", &names);

	if (r < 0)
		return store_error(err, r, "read %s/images", s->path);
	for (size_t i = 0; i < names.n; i++) {
		struct image one;

		if (!imgrec_is_name(names.v[i]) || imgrec_read(s, names.v[i], &one, NULL) < 0)
			continue;
		if (!str_starts(one.config.hex, prefix)) {
			image_done(&one);
			continue;
		}
		/* Two manifests of one config are one image with two packings. */
		if (digest_is_set(&found.manifest) && !digest_equal(&found.config, &one.config)) {
			image_done(&found);
			image_done(&one);
			return ambiguous(prefix, err);
		}
		image_done(&found);
		found = one;
	}
	if (!digest_is_set(&found.manifest))
		return -ENOENT;
	*ret = found;
	return 0;
}

int imgrec_find(struct store *s, const char *text, struct image *ret, char name[REFERENCE_STR_MAX],
		struct error *err)
{
	const char *hex = str_starts(text, "sha256:") ? text + 7 : text;
	struct ref ref;
	int r = -ENOENT;

	name[0] = '\0';
	if (hex == text)
		r = find_name(s, text, &ref, err);
	if (r == 0) {
		r = imgrec_read(s, ref.manifest.hex, ret, err);
		if (r == 0)
			return str_copy(name, REFERENCE_STR_MAX, ref.name);
	}
	if (r == -ENOENT && strlen(hex) >= IMAGE_ID_PREFIX_MIN &&
	    strspn(hex, "0123456789abcdef") == strlen(hex))
		r = find_id(s, hex, ret, err);
	if (r != -ENOENT)
		return r;
	error_set(err, r, "no such image: %s", text);
	error_hint(err, "`carrel images` lists what is here, `carrel pull` gets more");
	return r;
}
