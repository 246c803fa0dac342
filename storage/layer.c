/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/log.h"
#include "storage/sidecar.h"

static int open_layer(struct store *s, const struct digest *d)
{
	char path[7 + DIGEST_HEX_LEN + 1];

	(void)snprintf(path, sizeof(path), "layers/%s", d->hex);
	return store_dir(s, path);
}

int layer_claim(struct store *s, const struct digest *diff_ids, size_t n, struct error *err)
{
	_cleanup_(fd_closep) int lock = store_lock(s, err);
	int r = lock < 0 ? lock : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = store_claim(s, &diff_ids[i], err);
	return r;
}

/* Is it whole by its own words? Of the tree it is only seen that there is one. */
static int check_header(int fd, const struct digest *d, struct sidecar_header *ret,
			struct error *err)
{
	int r = sidecar_read_header(fd, ret, err);
	struct stat st;

	if (r < 0)
		return r;
	if (!(ret->marks & SIDECAR_SEALED) || !digest_equal(&ret->diff_id, d))
		return error_set(err, -EBADMSG, "its meta is of another layer or was never sealed");
	if (fstatat(fd, "tree", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(err, "look at its tree");
	if (!S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, "its tree is no directory");
	return 0;
}

static int check_tree(int fd, const struct hash *hash, struct error *err)
{
	_cleanup_(sidecar_closep) struct sidecar *meta = NULL;
	_cleanup_(fd_closep) int tree = -1;
	int r;

	r = sidecar_open(fd, &meta, err);
	if (r < 0)
		return r;
	tree = openat(fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0)
		return error_sys(err, "open its tree");
	return sidecar_verify_tree(meta, tree, hash, err);
}

static bool is_damage(int r)
{
	return r == -EBADMSG || r == -EUCLEAN || r == -ENOENT || r == -ENOTDIR || r == -EINVAL;
}

/* Not there any more for anybody. On a read-only store it stays, and is not used. */
static void drop(struct store *s, const struct digest *d, const struct error *why)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "layers"), lock = -1;
	char text[ERROR_TEXT_MAX + 64];
	struct error err = { 0 };

	log_warn(DCODE_NONE, "layer %.12s is damaged and not used: %s", d->hex,
		 error_format(why, text, sizeof(text)));
	lock = store_lock(s, NULL);
	if (dir >= 0 && lock >= 0 && store_trash(s, dir, d->hex, &err) < 0)
		log_debug("layer", "%s", err.text);
}

/* The layer's descriptor in *ret_fd and its header. 1 it is whole, 0 it is not there or dropped. */
static int open_whole(struct store *s, const struct digest *d, int *ret_fd,
		      struct sidecar_header *ret, struct error *err)
{
	struct error why = { 0 };
	int r;

	*ret_fd = open_layer(s, d);
	if (*ret_fd == -ENOENT)
		return 0;
	if (*ret_fd < 0)
		return store_error(err, *ret_fd, "open layer %.12s", d->hex);
	r = check_header(*ret_fd, d, ret, &why);
	if (r == 0)
		return 1;
	if (is_damage(r)) {
		drop(s, d, &why);
		return 0;
	}
	if (err)
		*err = why;
	error_prefix(err, "layer %.12s", d->hex);
	return r;
}

int layer_check(struct store *s, const struct digest *diff_id, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	char boot[ID_BOOT_LEN + 1] = "";
	struct sidecar_header h;
	int r;

	r = open_whole(s, diff_id, &fd, &h, err);
	if (r <= 0 || (h.marks & SIDECAR_DURABLE))
		return r;
	if (id_boot(boot) == 0 && boot[0] && str_eq(boot, h.boot))
		return 1;
	return error_set(err, -EAGAIN, "layer %.12s is not verified since the last boot",
			 diff_id->hex);
}

/* A crash may have come between publish and disk: the tree must be as the sidecar says. */
int layer_verify(struct store *s, const struct digest *diff_id, const struct hash *hash,
		 struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct error why = { 0 };
	struct sidecar_header h;
	int r;

	r = open_whole(s, diff_id, &fd, &h, err);
	if (r <= 0)
		return r;
	log_debug("layer", "verifying %.12s", diff_id->hex);
	r = check_tree(fd, hash, &why);
	if (is_damage(r)) {
		drop(s, diff_id, &why);
		return 0;
	}
	if (r < 0) {
		if (err)
			*err = why;
		error_prefix(err, "verify layer %.12s", diff_id->hex);
		return r;
	}
	if (syncfs(fd) < 0)
		return store_error(err, -errno, "sync %s", s->path);
	r = sidecar_set_durable(fd, &why);
	if (r < 0)
		log_debug("layer", "%s", why.text); /* a read-only store: verified each time */
	return 1;
}

static bool is_same_owner(const struct sidecar_header *a, const struct sidecar_header *b)
{
	return a->owner == b->owner && a->map_uid0 == b->map_uid0 && a->map_uid1 == b->map_uid1 &&
	       a->map_gid0 == b->map_gid0 && a->map_gid1 == b->map_gid1 &&
	       (a->id_count == b->id_count || (!a->counts.squashed && !b->counts.squashed)) &&
	       a->ids_used == b->ids_used && a->map_digest == b->map_digest;
}

/* Somebody was faster, or a damaged one or one of another subuid range lies there: that is decided
 * under the lock. */
static int publish_second(struct store *s, int layers, int staging_fd, const char *name,
			  const struct digest *d, const struct sidecar_header *ours,
			  struct error *err)
{
	_cleanup_(fd_closep) int lock = store_lock(s, err), fd = -1;
	struct sidecar_header h;
	int r;

	if (lock < 0)
		return lock;
	fd = open_layer(s, d);
	if (fd >= 0 && check_header(fd, d, &h, NULL) == 0 && is_same_owner(&h, ours))
		return store_trash(s, staging_fd, name, err);
	if (fd >= 0) {
		r = store_trash(s, layers, d->hex, err);
		if (r < 0)
			return r;
	}
	if (renameat(staging_fd, name, layers, d->hex) < 0)
		return store_error(err, -errno, "publish layer %.12s", d->hex);
	return 0;
}

int layer_publish(struct store *s, int staging_fd, const char *name, const struct digest *diff_id,
		  struct error *err)
{
	_cleanup_(fd_closep) int layers = store_dir(s, "layers"), fd = -1;
	struct sidecar_header h;
	int r;

	if (layers < 0)
		return store_error(err, layers, "open %s/layers", s->path);
	fd = openat(staging_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : check_header(fd, diff_id, &h, err);
	if (r < 0)
		return error_code(err, r, "publish layer %.12s: read its meta", diff_id->hex);
	r = store_claim(s, diff_id, err);
	if (r < 0)
		return r;
	if (renameat(staging_fd, name, layers, diff_id->hex) == 0)
		return 0;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return store_error(err, -errno, "publish layer %.12s", diff_id->hex);
	return publish_second(s, layers, staging_fd, name, diff_id, &h, err);
}

/* Published in this boot and not yet on the disk for sure. */
static int list_volatile(struct store *s, struct strv *ret, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	char boot[ID_BOOT_LEN + 1] = "";
	int r = store_names(s->root_fd, "layers", &names);

	if (r < 0)
		return store_error(err, r, "read %s/layers", s->path);
	ignore_result(id_boot(boot)); /* "" matches none: they are verified before use */
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(fd_closep) int fd = -1;
		struct sidecar_header h;
		struct digest d;

		if (digest_from_hex(names.v[i], &d) < 0)
			continue;
		fd = open_layer(s, &d);
		if (fd >= 0 && check_header(fd, &d, &h, NULL) == 0 &&
		    !(h.marks & SIDECAR_DURABLE) && boot[0] && str_eq(h.boot, boot))
			strv_add(ret, names.v[i]);
	}
	return 0;
}

int layer_make_durable(struct store *s, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = list_volatile(s, &names, err);

	if (r < 0 || names.n == 0)
		return r;
	if (syncfs(s->root_fd) < 0)
		return store_error(err, -errno, "sync %s", s->path);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_(fd_closep) int fd = -1;
		struct digest d;

		r = digest_from_hex(names.v[i], &d);
		fd = r < 0 ? r : open_layer(s, &d);
		if (fd >= 0)
			r = sidecar_set_durable(fd, err); /* else: removed since */
	}
	return r;
}

/* The first ids tell where the range begins, and are all that there is in old records of one. */
static bool is_where_it_was(const struct sidecar_header *h, const struct owners_first *f)
{
	return h->map_uid0 == f->uid0 && h->map_uid1 == f->uid1 && h->map_gid0 == f->gid0 &&
	       h->map_gid1 == f->gid1;
}

static int moved(const struct sidecar_header *h, const struct digest *d,
		 const struct owners_first *now, struct error *err)
{
	if (h->owner == SIDECAR_OWNER_SINGLE) {
		error_set(err, -ESTALE,
			  "layer %.12s was unpacked for one id, you have ids from %u on", d->hex,
			  now->uid1);
		error_hint(err, LAYER_PULL_HINT); /* its files are the caller's */
	} else if (now->uid1 == 0) {
		error_set(err, -ESTALE,
			  "layer %.12s belongs to the ids from %u on, and you have one id only",
			  d->hex, h->map_uid1);
	} else {
		error_set(err, -ESTALE,
			  "layer %.12s belongs to the ids from %u on, yours begin at %u", d->hex,
			  h->map_uid1, now->uid1);
	}
	error_host(err, DCODE_SUBID_CHANGED);
	return -ESTALE;
}

/*
 * The range begins where it did. Where it ends matters to owners that had no id then or have none
 * now, and how it is cut to those behind the cut. A record without a digest does not say which ids
 * the tree has: all that there were, then.
 */
static int check_range(const struct sidecar_header *h, const struct digest *d,
		       const struct owners *o, struct error *err)
{
	uint32_t now = owners_count(o);
	int r = 0;

	if (h->id_count != now && h->counts.squashed)
		r = error_set(err, -ESTALE,
			      "layer %.12s has owners beyond the %u ids it was unpacked for, and "
			      "you have %u now",
			      d->hex, h->id_count, now);
	else if (h->map_digest ? owners_digest(o, h->ids_used) != h->map_digest : now < h->id_count)
		r = error_set(err, -ESTALE,
			      "layer %.12s belongs to ids of a range that is not yours any more",
			      d->hex);
	if (r < 0) {
		error_hint(err, LAYER_PULL_HINT);
		error_host(err, DCODE_SUBID_CHANGED);
	}
	return r;
}

int layer_check_owner(struct store *s, const struct digest *diff_id, const struct owners *owners,
		      struct error *err)
{
	_cleanup_(fd_closep) int fd = open_layer(s, diff_id);
	struct owners_first now = owners_first(owners);
	struct sidecar_header h;
	int r;

	if (fd < 0)
		return error_code(err, fd, "open layer %.12s", diff_id->hex);
	r = sidecar_read_header(fd, &h, err);
	if (r < 0)
		return r;
	if (!is_where_it_was(&h, &now))
		return moved(&h, diff_id, &now, err);
	return check_range(&h, diff_id, owners, err);
}

int layer_open_tree(struct store *s, const struct digest *diff_id, struct error *err)
{
	_cleanup_(fd_closep) int layer = open_layer(s, diff_id);
	int fd;

	if (layer < 0)
		return error_code(err, layer, "open layer %.12s", diff_id->hex);
	fd = openat(layer, "tree", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, "open the tree of layer %.12s", diff_id->hex) : fd;
}
