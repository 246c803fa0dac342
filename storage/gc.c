/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/gc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "storage/container.h"
#include "storage/imgrec.h"

/*
 * Theory of operation. Reachable is what image records name. Three things move beside a collection:
 *	a pull publishes layers and blobs before their record: it claims each of them first, in its
 *	staging directory; layers/ and blobs/ are listed here before the claims are read, so that
 *	whatever is in the list was claimed by then;
 *	a run makes a container record and then looks whether the image is still there; a removal
 *	puts the image record away and then looks for containers: one of the two sees the other;
 *	a reader holds a layer's tree open: moving the wrapper to trash does not disturb it before
 *	the trash is emptied, and no container of it exists.
 */
struct gc {
	struct strv layers, blobs;	     /* what lies there */
	struct strv keep_layers, keep_blobs; /* hex digests; sorted before use */
	struct strv images;
};

static void gc_done(struct gc *g)
{
	strv_done(&g->layers);
	strv_done(&g->blobs);
	strv_done(&g->keep_layers);
	strv_done(&g->keep_blobs);
	strv_done(&g->images);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct strv *v)
{
	if (v->n)
		qsort(v->v, v->n, sizeof(char *), compare);
}

static bool has(const struct strv *sorted, const char *s)
{
	return sorted->n && bsearch(&s, sorted->v, sorted->n, sizeof(char *), compare);
}

static int users_in(struct store *s, const char *dir, const struct digest *manifest,
		    char id[ID_LEN + 1])
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = store_names(s->root_fd, dir, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *hex = names.v[i];
		struct container c;

		/* Staging also holds directories that are no records; containers/ only ids. */
		if (str_eq(dir, "staging") && !staging_is_container(names.v[i], &hex))
			continue;
		if (container_open_record(s, dir, names.v[i], &c) < 0)
			continue; /* gone since */
		if (digest_equal(&c.image, manifest))
			r = str_copy(id, ID_LEN + 1, hex) < 0 ? 0 : 1;
		container_done(&c);
	}
	return r;
}

int gc_image_user(struct store *s, const struct digest *manifest, char id[ID_LEN + 1],
		  struct error *err)
{
	/* Records move from staging/ to containers/, so in this order none is missed. */
	int r = users_in(s, "staging", manifest, id);

	if (r == 0)
		r = users_in(s, "containers", manifest, id);
	return r < 0 ? store_error(err, r, "read %s/containers", s->path) : r;
}

/* 1: some name still leads to the image. */
static int is_named(struct store *s, const struct digest *manifest, struct error *err)
{
	_cleanup_(freep) struct ref *refs = NULL;
	size_t n = 0;
	int r = ref_list(s, &refs, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (digest_equal(&refs[i].manifest, manifest))
			r = 1;
	return r;
}

/*
 * A removal puts the record aside, then removes names; a publish writes the record, then the name.
 * Cut in between, the record belongs in images/ where a name or a container leads to it.
 */
static int settle_one(struct store *s, const char *staging, const char *entry, struct error *err)
{
	char aside[STORE_STAGING_NAME_MAX + 128], place[8 + DIGEST_HEX_LEN + 1], id[ID_LEN + 1];
	bool removed = str_starts(entry, STAGING_REMOVED), new = str_starts(entry, STAGING_NEW);
	struct digest d;
	int r;

	if (!removed && !new)
		return 0;
	if (digest_from_hex(entry + strlen(removed ? STAGING_REMOVED : STAGING_NEW), &d) < 0)
		return 0;
	r = is_named(s, &d, err);
	if (r == 0)
		r = gc_image_user(s, &d, id, err);
	if (r < 0)
		return r;
	(void)snprintf(place, sizeof(place), "images/%s", d.hex);
	if (new &&r == 0 && unlinkat(s->root_fd, place, 0) < 0 && errno != ENOENT)
		return store_error(err, -errno, "remove the record of image %.12s", d.hex);
	if (!removed || r == 0)
		return 0;
	r = str_print(aside, sizeof(aside), "staging/%s/%s", staging, entry);
	if (r == 0 && renameat(s->root_fd, aside, s->root_fd, place) < 0)
		r = -errno;
	return r < 0 ? store_error(err, r, "restore image %.12s", d.hex) : 0;
}

static int settle(struct store *s, const struct dead_staging *dead, struct error *err)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "staging");
	int r = 0;

	for (size_t i = 0; dir >= 0 && r == 0 && i < dead->names.n; i++) {
		_cleanup_(strv_done) struct strv in = { 0 };

		r = store_names(dir, dead->names.v[i], &in);
		if (r < 0)
			return store_error(err, r, "read %s/staging", s->path);
		for (size_t k = 0; r == 0 && k < in.n; k++)
			r = settle_one(s, dead->names.v[i], in.v[k], err);
	}
	return r;
}

static void keep_image(struct gc *g, const struct image *i)
{
	strv_add(&g->images, i->manifest.hex);
	strv_add(&g->keep_blobs, i->manifest.hex);
	strv_add(&g->keep_blobs, i->config.hex);
	if (digest_is_set(&i->index))
		strv_add(&g->keep_blobs, i->index.hex);
	for (size_t k = 0; k < i->n_layers; k++)
		strv_add(&g->keep_layers, i->layers[k].hex);
}

static int mark_images(struct store *s, struct gc *g, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = store_names(s->root_fd, "images", &names);

	if (r < 0)
		return store_error(err, r, "read %s/images", s->path);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct image img;

		if (!imgrec_is_name(names.v[i]))
			continue;
		r = imgrec_read(s, names.v[i], &img, err);
		if (r < 0)
			continue;
		keep_image(g, &img);
		image_done(&img);
	}
	return r;
}

static int mark(struct store *s, struct gc *g, const struct dead_staging *dead, struct error *err)
{
	_cleanup_(strv_done) struct strv claims = { 0 };
	int r;

	r = store_names(s->root_fd, "layers", &g->layers);
	if (r == 0)
		r = store_names(s->root_fd, "blobs/sha256", &g->blobs);
	if (r < 0)
		return store_error(err, r, "read %s", s->path);
	r = staging_claims(s, dead, &claims, err);
	if (r < 0)
		return r;
	strv_copy(&g->keep_layers, claims.v);
	strv_copy(&g->keep_blobs, claims.v);
	r = mark_images(s, g, err);
	sort(&g->keep_layers);
	sort(&g->keep_blobs);
	sort(&g->images);
	return r;
}

static int drop_layers(struct store *s, const struct gc *g, struct error *err)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "layers");
	int r = 0;

	for (size_t i = 0; dir >= 0 && r == 0 && i < g->layers.n; i++) {
		const char *hex = g->layers.v[i];

		if (imgrec_is_name(hex) && !has(&g->keep_layers, hex))
			r = store_trash(s, dir, hex, err);
	}
	return r;
}

static int drop_blobs(struct store *s, const struct gc *g, struct error *err)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "blobs/sha256");

	for (size_t i = 0; dir >= 0 && i < g->blobs.n; i++) {
		const char *hex = g->blobs.v[i];

		if (!(imgrec_is_name(hex) && !has(&g->keep_blobs, hex)) &&
		    !str_starts(hex, ".tmp-"))
			continue;
		if (unlinkat(dir, hex, 0) < 0 && errno != ENOENT)
			return store_error(err, -errno, "remove blob %.12s", hex);
	}
	return 0;
}

static int drop_names(struct store *s, const struct gc *g, struct error *err)
{
	_cleanup_(freep) struct ref *refs = NULL;
	size_t n = 0;
	int r = ref_list(s, &refs, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (!has(&g->images, refs[i].manifest.hex))
			r = ref_remove(s, refs[i].name, err);
	return r < 0 ? r : ref_drop_temporary(s, err);
}

static void drop_temporary(struct store *s, const char *name)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	_cleanup_(fd_closep) int dir = store_dir(s, name);

	if (dir < 0 || store_names(dir, ".", &names) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (str_starts(names.v[i], ".tmp-"))
			(void)unlinkat(dir, names.v[i], 0);
}

int gc_collect(struct store *s, const struct dead_staging *dead, struct error *err)
{
	struct error why = { 0 };
	struct gc g = { 0 };
	int r;

	r = settle(s, dead, err);
	if (r < 0)
		return r;
	r = mark(s, &g, dead, &why);
	if (r < 0) {
		log_debug("gc", "nothing collected: %s", why.text);
		gc_done(&g);
		return 0;
	}
	r = drop_layers(s, &g, err);
	if (r == 0)
		r = drop_blobs(s, &g, err);
	if (r == 0)
		r = drop_names(s, &g, err);
	drop_temporary(s, "images");
	gc_done(&g);
	return r;
}
