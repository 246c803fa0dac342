/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "storage/imgrec.h"
#include "storage/sidecar.h"
#include "storage/staging.h"
#include "storage/textrec.h"

enum {
	IMAGE_VERSION = 1,
	IMAGE_RECORD_MAX = 64 << 10,
};

/* Sum of the layers' files; -ESTALE where one is not there. */
static int sum_layers(struct store *s, const struct imgconfig *c, uint64_t *ret, struct error *err)
{
	_cleanup_(fd_closep) int layers = store_dir(s, "layers");

	if (layers < 0)
		return store_error(err, layers, "open %s/layers", s->path);
	*ret = 0;
	for (size_t i = 0; i < c->n_diff_ids; i++) {
		_cleanup_(fd_closep) int fd =
			openat(layers, c->diff_ids[i].hex,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct sidecar_header h;
		int r;

		if (fd < 0 && errno == ENOENT) {
			error_set(err, -ESTALE, "layer %.12s was removed meanwhile",
				  c->diff_ids[i].hex);
			error_hint(err, "pull the image again");
			return -ESTALE;
		}
		r = fd < 0 ? -errno : sidecar_read_header(fd, &h, err);
		if (r < 0)
			return error_code(err, r, "read layer %.12s", c->diff_ids[i].hex);
		*ret += h.size;
	}
	return 0;
}

static int write_record(struct store *s, const struct image *i, struct error *err)
{
	_cleanup_(freep) char *text = xmalloc(IMAGE_RECORD_MAX);
	_cleanup_(fd_closep) int dir = -1;
	struct textrec_writer w;
	size_t len;
	int r;

	textrec_begin(&w, text, IMAGE_RECORD_MAX, "image", IMAGE_VERSION);
	textrec_add_digest(&w, "manifest", &i->manifest);
	textrec_add_digest(&w, "config", &i->config);
	textrec_add_digest(&w, "index", &i->index);
	textrec_add_u64(&w, "size", i->size);
	textrec_add(&w, "os", i->platform.os);
	textrec_add(&w, "arch", i->platform.arch);
	textrec_add(&w, "variant", i->platform.variant);
	textrec_add(&w, "created", i->created);
	for (size_t k = 0; k < i->n_layers; k++)
		textrec_add_digest(&w, "layer", &i->layers[k]);
	r = textrec_end(&w, &len);
	if (r == 0) {
		dir = store_dir(s, "images");
		r = dir < 0 ? dir
			    : file_publish(dir, i->manifest.hex, text, len, 0644, FILE_DURABLE);
	}
	return r < 0 ? store_error(err, r, "write the record of image %.12s", i->manifest.hex) : 0;
}

/* Its layers are back. */
static int check_there(struct store *s, const struct digest *manifest, const struct imgconfig *c,
		       struct error *err)
{
	_cleanup_(fd_closep) int lock = store_lock(s, err);
	uint64_t size;

	if (lock < 0)
		return lock;
	if (!imgrec_exists(s, manifest->hex))
		return error_set(err, -ENOENT, "image %.12s was removed meanwhile", manifest->hex);
	return sum_layers(s, c, &size, err);
}

int image_publish(struct store *s, const struct reference *name, const struct digest *manifest,
		  const struct manifest *m, const struct imgconfig *c, const struct digest *index,
		  struct error *err)
{
	struct image i = { .manifest = *manifest,
			   .config = m->config.digest,
			   .platform = c->platform,
			   .layers = c->diff_ids, /* borrowed */
			   .n_layers = c->n_diff_ids };
	struct ref ref = { .manifest = *manifest, .asked = index ? *index : *manifest };
	_cleanup_(fd_closep) int lock = -1;
	bool is_new;
	int r;

	if (!name)
		return check_there(s, manifest, c, err);
	if (index)
		i.index = *index;
	/* A date that does not fit is no RFC 3339 date. */
	if (c->created && str_copy(i.created, sizeof(i.created), c->created) < 0)
		i.created[0] = '\0';
	ref_name(name, ref.name);
	lock = store_lock(s, err);
	if (lock < 0)
		return lock;
	r = sum_layers(s, c, &i.size, err);
	/* Killed between record and name, the sweep knows that nobody ever saw this image. */
	is_new = r == 0 && !imgrec_exists(s, manifest->hex);
	if (is_new)
		r = staging_mark(s, STAGING_NEW, manifest, err);
	if (r == 0)
		r = write_record(s, &i, err);
	if (r == 0)
		r = ref_write(s, &ref, err);
	if (r < 0 && is_new)
		imgrec_unlink(s, manifest->hex);
	staging_unmark(s, STAGING_NEW, manifest);
	return r;
}

int image_tag(struct store *s, const struct image *i, const struct reference *name,
	      struct error *err)
{
	struct ref ref = { .manifest = i->manifest };
	_cleanup_(fd_closep) int lock = -1;
	struct image now;
	int r;

	if (digest_is_set(&name->digest)) {
		error_set(err, -EINVAL, "a new name cannot have a digest");
		error_hint(err, "write NAME[:TAG]");
		return -EINVAL;
	}
	ref_name(name, ref.name);
	lock = store_lock(s, err);
	if (lock < 0)
		return lock;
	r = imgrec_read(s, i->manifest.hex, &now, err);
	if (r == -ENOENT)
		return error_set(err, r, "image %.12s was removed meanwhile", i->config.hex);
	if (r < 0)
		return r;
	image_done(&now);
	return ref_write(s, &ref, err);
}

int image_find(struct store *s, const char *name_or_id, struct image *ret, struct error *err)
{
	char name[REFERENCE_STR_MAX];
	int r = imgrec_find(s, name_or_id, ret, name, err);

	if (r == 0 && name[0])
		strv_add(&ret->names, name);
	return r;
}

int image_load_names(struct store *s, struct image *i, struct error *err)
{
	_cleanup_(freep) struct ref *refs = NULL;
	size_t n = 0;
	int r = ref_list(s, &refs, &n, err);

	if (r < 0)
		return r;
	strv_done(&i->names);
	strv_done(&i->digests);
	imgrec_add_names(i, refs, n);
	return 0;
}

/* RFC 3339 in UTC sorts as text; others are rare and land somewhere. */
static int compare_created(const void *a, const void *b)
{
	return strcmp(((const struct image *)b)->created, ((const struct image *)a)->created);
}

int image_list(struct store *s, struct image **ret, size_t *ret_n, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	_cleanup_(freep) struct ref *refs = NULL;
	size_t n_refs = 0, n = 0, cap = 0;
	struct image *list = NULL;
	int r = store_names(s->root_fd, "images", &names);

	if (r < 0)
		return store_error(err, r, "read %s/images", s->path);
	r = ref_list(s, &refs, &n_refs, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		struct error e = { 0 };

		if (!imgrec_is_name(names.v[i]))
			continue;
		list = array_grow(list, n, &cap, sizeof(*list));
		r = imgrec_read(s, names.v[i], &list[n], &e);
		if (r < 0 && r != -ENOENT)
			log_warn(DCODE_NONE, "%s: ignored", e.text);
		if (r < 0)
			continue;
		imgrec_add_names(&list[n], refs, n_refs);
		n++;
	}
	if (n)
		qsort(list, n, sizeof(*list), compare_created);
	*ret = list;
	*ret_n = n;
	return 0;
}

void image_list_done(struct image *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		image_done(&list[i]);
	free(list);
}

int image_config(struct store *s, const struct image *i, struct imgconfig *ret, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	r = store_blob_read(s, &i->config, IMGCONFIG_SIZE_MAX, &text, &len, err);
	if (r == 0) {
		r = imgconfig_parse(text, len, ret, err);
		if (r < 0)
			error_hint(err, "it is damaged; pull the image again: that writes it anew");
	}
	if (r < 0)
		error_prefix(err, "image %.12s", i->config.hex);
	return r;
}
