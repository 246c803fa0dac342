/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "storage/gc.h"
#include "storage/image.h"

/*
 * Removal of an image, under the store lock:
 *	1. images/<hex> moves into our staging directory: new containers do not find it any more
 *	2. a container that uses it? the record moves back, and that is the answer
 *	3. the names go		4. what nothing refers to goes (gc.h)
 * Killed before the end of 3 the sweep moves the record back, after it the rest is collected.
 */
struct removal {
	struct store *s;
	struct image img;
	char name[REFERENCE_STR_MAX]; /* the one asked for, "" = by id */
	int staging;
	enum image_remove_flags flags;
};

static int in_use(const struct removal *rm, const char *asked, const char *user, struct error *err)
{
	if (rm->name[0])
		error_set(err, -EBUSY,
			  "conflict: unable to remove repository reference \"%s\" (must force) - "
			  "container %.12s is using its referenced image %.12s",
			  asked, user, rm->img.config.hex);
	else
		error_set(err, -EBUSY,
			  "conflict: unable to delete %.12s (must be forced) - image is being used "
			  "by container %.12s",
			  rm->img.config.hex, user);
	error_hint(err, "`carrel rm %.12s` removes the container, `carrel rmi -f` only the names",
		   user);
	return -EBUSY;
}

/* There is nothing that -f could take. */
static int nameless(const struct removal *rm, const char *user, struct error *err)
{
	error_set(err, -EBUSY,
		  "conflict: unable to delete %.12s (cannot be forced) - image is being used by "
		  "container %.12s and has no name",
		  rm->img.config.hex, user);
	error_hint(err, "`carrel rm %.12s` removes the container", user);
	return -EBUSY;
}

static bool one_repository(const struct strv *names)
{
	struct reference first, other;

	if (names->n == 0 || reference_parse(names->v[0], &first, NULL) < 0)
		return true;
	for (size_t i = 1; i < names->n; i++)
		if (reference_parse(names->v[i], &other, NULL) < 0 ||
		    !str_eq(first.domain, other.domain) || !str_eq(first.path, other.path))
			return false;
	return true;
}

static int move_record(struct removal *rm, bool away, struct error *err)
{
	char aside[sizeof(STAGING_REMOVED) + DIGEST_HEX_LEN];
	_cleanup_(fd_closep) int images = store_dir(rm->s, "images");
	const char *hex = rm->img.manifest.hex;
	int r;

	(void)snprintf(aside, sizeof(aside), "%s%s", STAGING_REMOVED, hex);
	if (images < 0)
		return store_error(err, images, "open %s/images", rm->s->path);
	r = away ? renameat(images, hex, rm->staging, aside)
		 : renameat(rm->staging, aside, images, hex);
	if (r < 0)
		return store_error(err, -errno, "move the record of image %.12s", hex);
	return 0;
}

static int remove_names(struct removal *rm, const struct strv *names, struct strv *ret,
			struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->n; i++) {
		r = ref_remove(rm->s, names->v[i], err);
		if (r == 0)
			strv_add(ret, names->v[i]);
	}
	return r;
}

/* The last name goes, and the image unless a container uses it. */
static int remove_whole(struct removal *rm, const char *asked, const struct strv *names,
			struct strv *ret_names, struct strv *ret_images, struct error *err)
{
	_cleanup_(fd_closep) int images = -1;
	char user[ID_LEN + 1], id[DIGEST_STR_MAX];
	int r, used;

	/* Asked once before: a removal that will be refused must not disturb those who run it. */
	used = gc_image_user(rm->s, &rm->img.manifest, user, err);
	if (used == 0) {
		r = move_record(rm, true, err);
		if (r < 0)
			return r;
		used = gc_image_user(rm->s, &rm->img.manifest, user, err);
		if (used != 0)
			r = move_record(rm, false, err);
		if (r < 0)
			return r;
	}
	if (used < 0)
		return used;
	if (used && !(rm->flags & IMAGE_REMOVE_FORCE))
		return in_use(rm, asked, user, err);
	if (used && names->n == 0)
		return nameless(rm, user, err);
	r = remove_names(rm, names, ret_names, err);
	if (r < 0 || used)
		return r;
	images = store_dir(rm->s, "images");
	r = images < 0 ? images : file_sync_dir(images);
	if (r < 0)
		return store_error(err, r, "sync %s/images", rm->s->path);
	strv_add(ret_images, digest_format(&rm->img.config, id));
	return gc_collect(rm->s, &(struct dead_staging){ 0 }, err);
}

/* Asked for by a digest, found by a tag: all tags of the repository that have the digest. */
static int list_tags(struct removal *rm, const char *asked, struct strv *ret, struct error *err)
{
	struct reference want, found;

	if (reference_parse(asked, &want, NULL) < 0 ||
	    reference_parse(rm->name, &found, NULL) < 0 || !digest_is_set(&want.digest) ||
	    digest_is_set(&found.digest)) {
		strv_add(ret, rm->name);
		return 0;
	}
	found.digest = want.digest;
	for (size_t i = 0; i < rm->img.names.n; i++) {
		struct ref ref;
		int r = ref_read(rm->s, rm->img.names.v[i], &ref, err);

		if (r < 0)
			return r;
		if (imgrec_has_digest(&ref, &found))
			strv_add(ret, ref.name);
	}
	return 0;
}

/* Whoever names a digest has not said which of its tags may go. */
static int many_tags(const char *asked, const struct strv *tags, struct error *err)
{
	struct str_buf list;

	str_buf_init(&list, ERROR_TEXT_MAX);
	for (size_t i = 0; i < tags->n; i++) {
		char text[REFERENCE_STR_MAX];
		struct reference ref;

		if (reference_parse(tags->v[i], &ref, NULL) < 0)
			continue;
		str_buf_adds(&list, list.len ? ", " : "");
		str_buf_adds(&list, reference_familiar(&ref, text));
	}
	error_set(err, -EBUSY, "conflict: %s has several tags: %s", asked, list.s ? list.s : "");
	error_hint(err, "remove them by their names, or all at once by -f");
	str_buf_done(&list);
	return -EBUSY;
}

static int remove_locked(struct removal *rm, const char *asked, struct strv *ret_names,
			 struct strv *ret_images, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r;

	r = imgrec_find(rm->s, asked, &rm->img, rm->name, err);
	if (r == 0)
		r = image_load_names(rm->s, &rm->img, err);
	if (r < 0)
		return r;
	if (rm->name[0]) {
		r = list_tags(rm, asked, &names, err);
		if (r < 0)
			return r;
		if (names.n > 1 && !(rm->flags & IMAGE_REMOVE_FORCE))
			return many_tags(asked, &names, err);
		if (names.n < rm->img.names.n)
			return remove_names(rm, &names, ret_names, err);
		return remove_whole(rm, asked, &names, ret_names, ret_images, err);
	}
	if (!(rm->flags & IMAGE_REMOVE_FORCE) && !one_repository(&rm->img.names)) {
		error_set(err, -EBUSY,
			  "conflict: unable to delete %.12s (must be forced) - image is referenced "
			  "in multiple repositories",
			  rm->img.config.hex);
		error_hint(err, "remove it by its names, or use -f");
		return -EBUSY;
	}
	strv_copy(&names, rm->img.names.v);
	return remove_whole(rm, asked, &names, ret_names, ret_images, err);
}

int image_remove(struct store *s, const char *name_or_id, enum image_remove_flags flags,
		 struct strv *ret_names, struct strv *ret_images, struct error *err)
{
	struct removal rm = { .s = s, .staging = -1, .flags = flags };
	char staging[STORE_STAGING_NAME_MAX];
	int r, staging_lock, lock;

	r = store_staging_new(s, staging, &rm.staging, &staging_lock, err);
	if (r < 0)
		return r;
	lock = store_lock(s, err);
	r = lock < 0 ? lock : remove_locked(&rm, name_or_id, ret_names, ret_images, err);
	image_done(&rm.img);
	fd_close(rm.staging);
	store_staging_end(s, staging, staging_lock);
	fd_close(lock);
	return r;
}
