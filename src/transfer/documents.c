/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "codec/sha256.h"
#include "transfer/pull.h"

static void doc_done(struct pull_doc *d)
{
	free(d->text);
	*d = (struct pull_doc){ 0 };
}

void pull_image_done(struct pull_image *i)
{
	doc_done(&i->manifest_doc);
	doc_done(&i->config_doc);
	manifest_done(&i->manifest);
	imgconfig_done(&i->config);
}

/* Ask, wait, and copy the answer out of the memory that the fetcher can write. */
static int get_doc(struct pull *p, const struct wire_ask *ask, struct pull_doc *ret,
		   struct error *err)
{
	struct pull_doc d = { 0 };
	uint8_t bytes[32];
	int r;

	p->told = false;
	r = pull_ask(p, ask, err);
	while (r == 0 && !p->told)
		r = pull_wait(p, err);
	if (r < 0)
		return r;
	if (p->tell.result < 0) {
		*err = p->tell.err;
		return p->tell.result;
	}
	d.len = (size_t)p->tell.len;
	d.text = xmalloc(d.len + 1);
	memcpy(d.text, p->wire->doc, d.len);
	d.text[d.len] = '\0';
	memcpy(d.content_type, p->tell.content_type, sizeof(d.content_type));
	r = sha256_of(d.text, d.len, bytes);
	if (r < 0) {
		doc_done(&d);
		return error_code(err, r, "hash a document");
	}
	digest_from_bytes(bytes, &d.digest);
	*ret = d;
	return 0;
}

static int verify(struct pull_doc *d, const char *what, const struct digest *digest,
		  struct error *err)
{
	if (digest_equal(&d->digest, digest))
		return 0;
	doc_done(d);
	error_set(err, -EBADMSG, "%s sha256:%.12s: its content does not match its digest", what,
		  digest->hex);
	error_hint(err, "the registry, or something on the way, changed it: nothing of it is kept");
	return -EBADMSG;
}

/* By descriptor: digest and size are known. */
static int get_verified(struct pull *p, enum wire_ask_op op, const char *what,
			const struct descriptor *desc, struct pull_doc *ret, struct error *err)
{
	struct wire_ask ask = { .op = op, .digest = desc->digest, .size = desc->size };
	struct pull_doc d;
	int r;

	digest_format(&desc->digest, ask.name);
	r = get_doc(p, &ask, &d, err);
	if (r < 0)
		return r;
	r = verify(&d, what, &desc->digest, err);
	if (r < 0)
		return r;
	if (d.len != desc->size) {
		r = error_set(err, -EBADMSG, "%s has %zu bytes where %llu were promised", what,
			      d.len, (unsigned long long)desc->size);
		doc_done(&d);
		return r;
	}
	*ret = d;
	return 0;
}

static bool is_shown(const struct image_index *x, size_t k)
{
	const struct platform *p = &x->manifests[k].platform;

	if (!p->os[0] || str_eq(p->os, "unknown"))
		return false;
	for (size_t i = 0; i < k; i++) {
		const struct platform *q = &x->manifests[i].platform;

		if (str_eq(p->os, q->os) && str_eq(p->arch, q->arch) &&
		    str_eq(p->variant, q->variant))
			return false;
	}
	return true;
}

static void hint_at_entries(const struct image_index *x, const char *name, struct error *err)
{
	char digest[DIGEST_STR_MAX];

	for (size_t i = 0; i < x->n_manifests; i++)
		if (!x->manifests[i].platform.os[0]) {
			error_hint(err,
				   "its index says of no image for what it is; one can be had by "
				   "digest, as %s@%s",
				   name, digest_format(&x->manifests[i].digest, digest));
			return;
		}
	if (x->n_manifests)
		error_hint(err, "its index has nothing that could run: attestations or signatures");
	else
		error_hint(err, "its index is empty: push the image again, or take another tag");
}

static int no_platform(struct pull *p, const struct image_index *x, struct error *err)
{
	char want[100], have[100], name[REFERENCE_STR_MAX], list[ERROR_HINT_MAX - 64] = "";
	struct reference bare = p->options->ref;
	size_t len = 0;

	bare.tag[0] = '\0';
	bare.digest = (struct digest){ 0 };
	for (size_t i = 0; i < x->n_manifests; i++) {
		const char *text = platform_format(&x->manifests[i].platform, have);

		if (!is_shown(x, i))
			continue;
		if (len + strlen(text) + sizeof(", ...") > sizeof(list)) {
			(void)snprintf(list + len, sizeof(list) - len, "%s...", len ? ", " : "");
			break;
		}
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "",
					text);
	}
	error_set(err, -ENOENT, "%s: no image for %s", reference_familiar(&p->options->ref, name),
		  platform_format(&p->options->platform, want));
	if (list[0])
		error_hint(err, "--platform takes what there is: %s", list);
	else
		hint_at_entries(x, reference_familiar(&bare, name), err);
	return -ENOENT;
}

static bool is_index(enum media_type type)
{
	return type == MEDIA_OCI_INDEX || type == MEDIA_DOCKER_LIST;
}

/* The entry of an index. A layout's index.json with one entry needs no platform in it. */
static int choose(struct pull *p, const struct pull_doc *d, struct descriptor *ret,
		  struct error *err)
{
	const struct descriptor *entry;
	struct image_index x;
	int r;

	r = image_index_parse(d->text, d->len, &x, err);
	if (r < 0)
		return r;
	if (p->options->layout_fd >= 0 && x.n_manifests == 1)
		entry = &x.manifests[0];
	else
		entry = image_index_choose(&x, &p->options->platform);
	if (entry)
		*ret = *entry;
	else
		r = no_platform(p, &x, err);
	image_index_done(&x);
	return r;
}

/* From the name to the manifest of one image, through at most two indexes. */
static int get_manifest(struct pull *p, struct error *err)
{
	const struct reference *ref = &p->options->ref;
	struct pull_doc *d = &p->image.manifest_doc;
	bool layout = p->options->layout_fd >= 0;
	struct wire_ask ask = { .op = WIRE_GET_MANIFEST };
	enum media_type type;
	int r;

	if (digest_is_set(&ref->digest))
		digest_format(&ref->digest, ask.name);
	else if (!layout)
		ignore_result(str_copy(ask.name, sizeof(ask.name), ref->tag)); /* it fits */
	r = get_doc(p, &ask, d, err);
	if (r == 0 && digest_is_set(&ref->digest))
		r = verify(d, "manifest", &ref->digest, err);
	for (unsigned depth = 0; r == 0; depth++) {
		struct descriptor desc;

		r = manifest_detect(d->text, d->len, d->content_type[0] ? d->content_type : NULL,
				    &type, err);
		if (r < 0 || !is_index(type))
			return r;
		if (depth == 2)
			return error_set(err, -ELOOP, "index in an index in an index");
		if ((!layout || depth) && !digest_is_set(&p->image.index))
			p->image.index = d->digest;
		r = choose(p, d, &desc, err);
		if (r < 0)
			return r;
		doc_done(d);
		r = get_verified(p, WIRE_GET_MANIFEST, "manifest", &desc, d, err);
	}
	return r;
}

static int check_platform(struct pull *p, struct error *err)
{
	const struct platform *have = &p->image.config.platform;
	const struct platform *want = &p->options->platform;
	char have_s[100], want_s[100], name[REFERENCE_STR_MAX];

	/* Old tools leave it out. */
	if (platform_allows(want, have))
		return 0;
	/* Layouts and single-image names are taken as they are where --platform is not given and
	 * the machine can run it. */
	if (!p->options->platform_asked && str_eq(want->arch, "amd64") &&
	    str_eq(have->arch, "386") && str_eq(have->os, want->os))
		return 0;
	error_set(err, -ENOEXEC, "%s is an image for %s, not %s",
		  reference_familiar(&p->options->ref, name), platform_format(have, have_s),
		  platform_format(want, want_s));
	error_hint(err, "--platform %s fetches it all the same", have_s);
	return -ENOEXEC;
}

int pull_resolve(struct pull *p, struct error *err)
{
	struct pull_image *i = &p->image;
	int r;

	r = get_manifest(p, err);
	if (r < 0)
		return r;
	r = manifest_parse(i->manifest_doc.text, i->manifest_doc.len, &i->manifest, err);
	if (r < 0)
		return r;
	r = get_verified(p, WIRE_GET_CONFIG, "image config", &i->manifest.config, &i->config_doc,
			 err);
	if (r < 0)
		return r;
	r = imgconfig_parse(i->config_doc.text, i->config_doc.len, &i->config, err);
	if (r < 0)
		return r;
	r = imgconfig_check_layers(&i->config, i->manifest.n_layers, err);
	return r < 0 ? r : check_platform(p, err);
}
