/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/ref.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "storage/fault.h"
#include "storage/refname.h"
#include "storage/textrec.h"

enum {
	REF_VERSION = 1,
	REF_SIZE_MAX = 4096,
};

char *ref_name(const struct reference *r, char buf[REFERENCE_STR_MAX])
{
	struct reference key = *r;

	if (digest_is_set(&key.digest))
		key.tag[0] = '\0';
	return reference_format(&key, buf);
}

int ref_parse(const char *text, size_t len, struct ref *ret)
{
	struct ref ref = { 0 };
	struct textrec rec;
	int r;

	r = textrec_parse(text, len, "ref", REF_VERSION, &rec);
	if (r == 0)
		r = textrec_get(&rec, "name", ref.name, sizeof(ref.name));
	if (r == 0)
		r = textrec_get_digest(&rec, "manifest", &ref.manifest);
	if (r < 0)
		return r == -EPROTONOSUPPORT ? r : -EINVAL;
	r = textrec_get_digest(&rec, "asked", &ref.asked);
	if (r < 0 && r != -ENODATA)
		return -EINVAL;
	*ret = ref;
	return 0;
}

/* Splits "a+/b+/c" and returns the directory of the last part. */
static int open_parent(struct store *s, const char *path, bool make, const char **ret_last)
{
	_cleanup_(fd_closep) int fd = store_dir(s, "refs");
	const char *slash;

	while (fd >= 0 && (slash = strchr(path, '/'))) {
		char part[REFNAME_PART + 8];
		int next;

		if ((size_t)(slash - path) >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (make && mkdirat(fd, part, 0700) < 0 && errno != EEXIST)
			return -errno;
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		if (make) {
			int r = file_sync_dir(fd); /* the name is durable, so its way is */

			if (r < 0) {
				fd_close(next);
				return r;
			}
		}
		fd_close(fd);
		fd = next;
		path = slash + 1;
	}
	*ret_last = path;
	return TAKE_FD(fd);
}

static int read_at(int dirfd, const char *name, struct ref *ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	r = path_read(dirfd, name, REF_SIZE_MAX, &text, &len);
	return r < 0 ? r : ref_parse(text, len, ret);
}

int ref_read(struct store *s, const char *name, struct ref *ret, struct error *err)
{
	char path[REFNAME_PATH_MAX];
	_cleanup_(fd_closep) int dir = -1;
	const char *last;
	int r;

	r = refname_escape(name, path);
	if (r < 0)
		return -ENOENT;
	dir = open_parent(s, path, false, &last);
	r = dir < 0 ? dir : read_at(dir, last, ret);
	if (r == 0 && !str_eq(ret->name, name))
		r = -EINVAL;
	if (r < 0 && r != -ENOENT)
		return store_error_record(err, r, "pull or tag it again: that writes it anew",
					  "the name %s in %s", name, s->path);
	return r;
}

int ref_write(struct store *s, const struct ref *ref, struct error *err)
{
	char path[REFNAME_PATH_MAX], text[REF_SIZE_MAX];
	_cleanup_(fd_closep) int dir = -1;
	struct textrec_writer w;
	const char *last = NULL;
	size_t len;
	int r;

	textrec_begin(&w, text, sizeof(text), "ref", REF_VERSION);
	textrec_add(&w, "name", ref->name);
	textrec_add_digest(&w, "manifest", &ref->manifest);
	textrec_add_digest(&w, "asked", &ref->asked);
	r = textrec_end(&w, &len);
	if (r == 0)
		r = refname_escape(ref->name, path);
	if (r == 0) {
		dir = open_parent(s, path, true, &last);
		r = dir < 0 ? dir : file_publish(dir, last, text, len, 0644, FILE_DURABLE);
	}
	return r < 0 ? store_error(err, r, "write the name %s", ref->name) : 0;
}

int ref_remove(struct store *s, const char *name, struct error *err)
{
	char path[REFNAME_PATH_MAX];
	_cleanup_(fd_closep) int dir = -1, refs = -1;
	const char *last;
	int r;

	r = refname_escape(name, path);
	if (r < 0)
		return error_code(err, r, "remove the name %s", name);
	dir = open_parent(s, path, false, &last);
	if (dir < 0)
		return dir == -ENOENT ? 0 : store_error(err, dir, "remove the name %s", name);
	if (unlinkat(dir, last, 0) < 0 && errno != ENOENT)
		return store_error(err, -errno, "remove the name %s", name);
	r = file_sync_dir(dir);
	/* Emptied levels go too; others hold names. */
	refs = store_dir(s, "refs");
	for (char *slash = strrchr(path, '/'); refs >= 0 && slash; slash = strrchr(path, '/')) {
		*slash = '\0';
		if (unlinkat(refs, path, AT_REMOVEDIR) < 0)
			break;
	}
	return r < 0 ? store_error(err, r, "remove the name %s", name) : 0;
}

struct walk {
	struct store *s;
	struct ref *list;
	size_t n, cap;
	bool drop_temporary;
};

static void take_file(struct walk *w, int dirfd, const char *prefix, const char *name)
{
	char path[REFNAME_PATH_MAX], want[REFNAME_PATH_MAX];
	struct ref ref;
	int r;

	if (name[0] == '.') {
		if (w->drop_temporary && str_starts(name, ".tmp-"))
			(void)unlinkat(dirfd, name, 0);
		return;
	}
	if (w->drop_temporary)
		return;
	r = read_at(dirfd, name, &ref);
	if (r == -ENOENT)
		return;
	/* A file that lies where its name does not lead would be listed but never found. */
	if (r == 0 && (str_print(path, sizeof(path), "%s%s", prefix, name) < 0 ||
		       refname_escape(ref.name, want) < 0 || !str_eq(path, want)))
		r = -EINVAL;
	if (r < 0) {
		log_warn(DCODE_NONE, "%s/refs/%s%s is no name record, ignored", w->s->path, prefix,
			 name);
		return;
	}
	w->list = array_grow(w->list, w->n, &w->cap, sizeof(*w->list));
	w->list[w->n++] = ref;
}

static int walk_dir(struct walk *w, const char *dir, const char *prefix, unsigned depth)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	_cleanup_(fd_closep) int fd = store_dir(w->s, dir);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = store_names(fd, ".", &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char sub[REFNAME_PATH_MAX], sub_prefix[REFNAME_PATH_MAX];

		if (!str_ends(names.v[i], "+")) {
			take_file(w, fd, prefix, names.v[i]);
			continue;
		}
		if (depth == REFNAME_LEVELS_MAX)
			continue;
		r = str_print(sub, sizeof(sub), "%s/%s", dir, names.v[i]);
		if (r == 0)
			r = str_print(sub_prefix, sizeof(sub_prefix), "%s%s/", prefix, names.v[i]);
		if (r == 0)
			r = walk_dir(w, sub, sub_prefix, depth + 1);
	}
	return r;
}

int ref_list(struct store *s, struct ref **ret, size_t *ret_n, struct error *err)
{
	struct walk w = { .s = s };
	int r = walk_dir(&w, "refs", "", 1);

	if (r < 0) {
		free(w.list);
		return store_error(err, r, "read %s/refs", s->path);
	}
	*ret = w.list;
	*ret_n = w.n;
	return 0;
}

int ref_drop_temporary(struct store *s, struct error *err)
{
	struct walk w = { .s = s, .drop_temporary = true };
	int r = walk_dir(&w, "refs", "", 1);

	return r < 0 ? store_error(err, r, "read %s/refs", s->path) : 0;
}
