/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: names come from whoever made the image. A path is cleaned (".." refused) and
 * walked by a stack of O_PATH | O_NOFOLLOW descriptors, so that no symlink is ever followed by the
 * kernel on our behalf; a symlink in the way is read and walked here, as if the tree were "/", and
 * only when it leads to a directory inside; else it is replaced, as everything that stands where a
 * later entry wants to be. The sidecar gets the physical path that this walk ended at.
 * What writing, linking and chown would undo comes late: set-id bits and capabilities of files
 * after their data and owner; times and set-id bits of directories when all is in (a set-gid
 * directory would hand its group to what is made in it).
 */
#include "config.h"

#include "storage/untar_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "storage/fault.h"
#include "storage/sidecar.h"
#include "storage/untar_walk.h"

/* #syscalls:unpack mkdirat openat close fstat newfstatat fchown fchownat fchmod fchmodat */
/* #syscalls:unpack linkat symlinkat mknodat utimensat fsetxattr geteuid getegid */

enum {
	LATE_BITS = 06000,
	DEVICES_MAX = 256, /* that hard links are looked for among; a whole /dev has fewer */
	XATTRS_BUF = TAR_EXT_MAX + TAR_GLOBAL_MAX + 8 * TAR_XATTRS_MAX,
};

#define WHITEOUT_OPAQUE UNTAR_WHITEOUT_META ".opq"

/* The tree and who owns new files in it. A staging parent may be set-gid: its group is not ours. */
static int make_tree(struct untar_tree *t, struct error *err)
{
	struct stat st;

	t->uid = geteuid();
	t->gid = getegid();
	if (mkdirat(t->dirfd, "tree", UNTAR_IMPLIED_MODE) < 0)
		return error_sys(err, "make directory tree");
	t->fd = openat(t->dirfd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->fd < 0 || fstat(t->fd, &st) < 0)
		return error_sys(err, "open directory tree");
	if ((st.st_uid != t->uid || st.st_gid != t->gid) && fchown(t->fd, t->uid, t->gid) < 0)
		return error_sys(err, "change owner of directory tree");
	if (fchmod(t->fd, UNTAR_IMPLIED_MODE) < 0)
		return error_sys(err, "change mode of directory tree");
	return 0;
}

int untar_tree_new(const struct untar_request *req, struct untar_stats *stats,
		   struct untar_tree **ret, struct error *err)
{
	_cleanup_(untar_tree_freep) struct untar_tree *t = xcalloc(1, sizeof(*t));
	int r;

	t->req = req;
	t->stats = stats;
	t->dirfd = req->dirfd;
	t->fd = -1;
	r = make_tree(t, err);
	if (r < 0)
		return r;
	dirstack_init(&t->stack, t->fd);
	r = sidecar_writer_new(t->dirfd, &t->writer, err);
	if (r < 0)
		return r;
	r = untar_record_implied(t, "", NULL);
	if (r == 0 && (t->uid != 0 || t->gid != 0) && fchown(t->fd, 0, 0) < 0)
		r = -errno;
	if (r < 0)
		return error_code(err, r, "set up directory tree");
	*ret = TAKE_PTR(t);
	return 0;
}

void untar_tree_free(struct untar_tree *t)
{
	if (!t)
		return;
	dirstack_done(&t->stack);
	sidecar_writer_free(t->writer);
	fd_close(t->fd);
	strv_done(&t->devices);
	free(t->xattrs);
	free(t);
}

/* ---- records ---- */

static int record_file(struct untar_tree *t, const struct tar_entry *e, uint32_t type,
		       const uint8_t sha256[32])
{
	struct sidecar_entry rec = { .path = t->full,
				     .path_len = (uint32_t)strlen(t->full),
				     .link = "",
				     .mode = type | e->mode,
				     .flags = t->flags,
				     .uid = (uint64_t)e->uid,
				     .gid = (uint64_t)e->gid,
				     .size = e->size,
				     .mtime = e->mtime,
				     .mtime_ns = e->mtime_ns,
				     .major = e->major,
				     .minor = e->minor,
				     .xattrs = t->xattrs,
				     .xattrs_len = t->xattrs_len };

	if (type == S_IFLNK)
		rec.link = e->link;
	rec.link_len = (uint32_t)strlen(rec.link);
	if (sha256)
		memcpy(rec.sha256, sha256, sizeof(rec.sha256));
	return sidecar_writer_add(t->writer, &rec);
}

static int record(struct untar_tree *t, const struct tar_entry *e, uint32_t type)
{
	return record_file(t, e, type, NULL);
}

static int encode_xattrs(struct untar_tree *t, const struct tar_entry *e)
{
	t->xattrs_len = 0;
	if (e->n_xattrs && !t->xattrs)
		t->xattrs = xmalloc(XATTRS_BUF);
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct tar_xattr *x = &e->xattrs[i];
		int r = sidecar_xattr_add(t->xattrs, XATTRS_BUF, &t->xattrs_len, x->name,
					  x->name_len, x->value, x->value_len);

		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * What an image may set: no name that steers an overlay, no trusted.*, nothing of the host's LSM.
 * user.containers.override_stat gives files another owner and mode under fuse-overlayfs.
 */
static bool xattr_allowed(const char *name, bool is_file)
{
	if (str_eq(name, "security.capability"))
		return is_file;
	return str_starts(name, "user.") && !str_starts(name, "user.overlay.") &&
	       !str_starts(name, "user.fuseoverlayfs.") && !str_starts(name, "user.containers.");
}

/* The file system or the map does not take it: the record has it, and says that the tree has not.
 */
static bool xattr_refused(int err)
{
	return err == EOPNOTSUPP || err == EPERM || err == ENOSPC || err == E2BIG ||
	       err == ERANGE || err == EINVAL;
}

static int set_xattrs(struct untar_tree *t, int fd, const struct tar_entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct tar_xattr *x = &e->xattrs[i];
		char name[TAR_XATTR_NAME_MAX + 1];

		memcpy(name, x->name, x->name_len);
		name[x->name_len] = '\0';
		if (!xattr_allowed(name, e->type == TAR_FILE))
			continue;
		if (fsetxattr(fd, name, x->value, x->value_len, 0) == 0)
			continue;
		if (!xattr_refused(errno))
			return -errno;
		t->stats->skipped_xattrs++;
		t->flags |= SIDECAR_XATTR_LESS;
	}
	return 0;
}

/* ---- each type ---- */

static bool owner_differs(const struct untar_tree *t)
{
	return t->uid_disk != t->uid || t->gid_disk != t->gid;
}

/* Owner and times of what is reached by name only: symlinks and FIFOs. */
static int finish_by_name(struct untar_tree *t, const struct tar_entry *e)
{
	struct timespec ts[2] = { { e->mtime, e->mtime_ns }, { e->mtime, e->mtime_ns } };

	if (owner_differs(t) &&
	    fchownat(t->base, t->leaf, t->uid_disk, t->gid_disk, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return utimensat(t->base, t->leaf, ts, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int open_new(struct untar_tree *t, const struct tar_entry *e)
{
	int fd = openat(t->base, t->leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			e->mode & ~(mode_t)LATE_BITS);

	return fd < 0 ? -errno : fd;
}

static int add_file(struct untar_tree *t, const struct tar_entry *e, int *ret_fd)
{
	int fd = open_new(t, e), r;

	if (fd == -EEXIST) {
		r = untar_make_room(t, t->base, t->leaf);
		fd = r < 0 ? r : open_new(t, e);
	}
	if (fd < 0)
		return fd;
	t->stats->files++;
	if (e->is_sparse)
		t->flags |= SIDECAR_SPARSE;
	*ret_fd = fd;
	return 0;
}

static int close_file(struct untar_tree *t, const struct tar_entry *e, int fd,
		      const uint8_t sha256[32])
{
	struct timespec ts[2] = { { e->mtime, e->mtime_ns }, { e->mtime, e->mtime_ns } };
	int r = 0;

	if (owner_differs(t) && fchown(fd, t->uid_disk, t->gid_disk) < 0)
		r = -errno;
	if (r == 0 && (t->mode_disk & LATE_BITS) && fchmod(fd, t->mode_disk) < 0)
		r = -errno;
	if (r == 0 && e->n_xattrs)
		r = set_xattrs(t, fd, e);
	if (r == 0 && futimens(fd, ts) < 0)
		r = -errno;
	/* NFS and quotas may tell of a failed write only now. */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r < 0 ? r : record_file(t, e, S_IFREG, sha256);
}

/* A directory that is there, by descriptor. */
static int adjust_dir(struct untar_tree *t, int fd, const struct tar_entry *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != t->uid_disk || st.st_gid != t->gid_disk) &&
	    fchown(fd, t->uid_disk, t->gid_disk) < 0)
		return -errno;
	if (fchmod(fd, e->mode & ~(mode_t)LATE_BITS) < 0)
		return -errno;
	return set_xattrs(t, fd, e);
}

static int adjust_dir_by_name(struct untar_tree *t, const struct tar_entry *e)
{
	_cleanup_(fd_closep) int fd =
		openat(t->base, t->leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : adjust_dir(t, fd, e);
}

static int make_dir(struct untar_tree *t, const struct tar_entry *e)
{
	if (mkdirat(t->base, t->leaf, e->mode & ~(mode_t)LATE_BITS) < 0)
		return -errno;
	if (e->n_xattrs)
		return adjust_dir_by_name(t, e);
	if (owner_differs(t) &&
	    fchownat(t->base, t->leaf, t->uid_disk, t->gid_disk, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int add_dir(struct untar_tree *t, const struct tar_entry *e)
{
	struct stat st;
	int r, over_whiteout = 0;

	t->stats->dirs++;
	r = make_dir(t, e);
	if (r == -EEXIST) {
		if (fstatat(t->base, t->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (S_ISDIR(st.st_mode)) {
			r = adjust_dir_by_name(t, e);
		} else {
			over_whiteout = untar_make_room(t, t->base, t->leaf);
			r = over_whiteout < 0 ? over_whiteout : make_dir(t, e);
		}
	}
	if (r == 0)
		r = record(t, e, S_IFDIR);
	if (r == 0 && over_whiteout)
		r = untar_set_opaque(t, t->base, t->leaf, t->full);
	return r;
}

static int add_symlink(struct untar_tree *t, const struct tar_entry *e)
{
	int r = symlinkat(e->link, t->base, t->leaf) < 0 ? -errno : 0;

	if (r == -EEXIST) {
		r = untar_make_room(t, t->base, t->leaf);
		if (r >= 0)
			r = symlinkat(e->link, t->base, t->leaf) < 0 ? -errno : 0;
	}
	if (r == 0)
		r = finish_by_name(t, e);
	t->stats->symlinks++;
	return r < 0 ? r : record(t, e, S_IFLNK);
}

static int add_fifo(struct untar_tree *t, const struct tar_entry *e)
{
	int r = mknodat(t->base, t->leaf, S_IFIFO | e->mode, 0) < 0 ? -errno : 0;

	if (r == -EEXIST) {
		r = untar_make_room(t, t->base, t->leaf);
		if (r >= 0)
			r = mknodat(t->base, t->leaf, S_IFIFO | e->mode, 0) < 0 ? -errno : 0;
	}
	if (r == 0)
		r = finish_by_name(t, e);
	/* chown strips set-id bits; the leaf is the FIFO that we just made. */
	if (r == 0 && (t->mode_disk & LATE_BITS) && fchmodat(t->base, t->leaf, t->mode_disk, 0) < 0)
		r = -errno;
	return r < 0 ? r : record(t, e, S_IFIFO);
}

/* No user namespace makes devices: the record is all there is of them. */
static int add_device(struct untar_tree *t, const struct tar_entry *e)
{
	int r = untar_make_room(t, t->base, t->leaf);

	if (r < 0)
		return r;
	t->stats->devices++;
	t->flags |= SIDECAR_NOT_MADE;
	if (t->devices.n < DEVICES_MAX)
		strv_add(&t->devices, t->full);
	return record(t, e, e->type == TAR_CHARDEV ? S_IFCHR : S_IFBLK);
}

/* The target's parent, with no symlink on the way. Owned by the caller when *ret_own is set. */
static int open_link_parent(struct untar_tree *t, size_t n, int *ret_own)
{
	char parent[TAR_PATH_MAX];
	const char *slash = strrchr(t->path, '/');
	size_t own_len = slash ? (size_t)(slash - t->path) : 0;

	if (n == own_len && memcmp(t->path, t->link, n) == 0)
		return t->base;
	memcpy(parent, t->link, n);
	parent[n] = '\0';
	*ret_own = path_open_beneath(t->fd, n ? parent : ".", O_PATH | O_DIRECTORY, 0);
	return *ret_own;
}

/* Type, mode and size as the disk has them: what the record falls back on (sidecar_write.c). */
static int record_link(struct untar_tree *t, const struct tar_entry *e)
{
	struct sidecar_entry rec = { .path = t->full,
				     .path_len = (uint32_t)strlen(t->full),
				     .link = t->link,
				     .link_len = (uint32_t)strlen(t->link),
				     .flags = SIDECAR_HARDLINK,
				     .uid = (uint64_t)e->uid,
				     .gid = (uint64_t)e->gid };
	struct stat st;

	if (fstatat(t->base, t->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* The entry's own owner is true where it is the target's; others lie. */
	if (st.st_uid != t->uid_disk || st.st_gid != t->gid_disk) {
		rec.uid = st.st_uid;
		rec.gid = st.st_gid;
	}
	rec.mode = st.st_mode;
	rec.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	rec.mtime = st.st_mtim.tv_sec;
	rec.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	return sidecar_writer_add(t->writer, &rec);
}

/* A link to what is only recorded is only recorded too; the writer gives it the target's fields. */
static int add_device_link(struct untar_tree *t, const struct tar_entry *e)
{
	struct sidecar_entry rec = { .path = t->full,
				     .path_len = (uint32_t)strlen(t->full),
				     .link = t->link,
				     .link_len = (uint32_t)strlen(t->link),
				     .mode = S_IFCHR,
				     .flags = SIDECAR_HARDLINK | SIDECAR_NOT_MADE,
				     .uid = (uint64_t)e->uid,
				     .gid = (uint64_t)e->gid };
	int r;

	for (size_t i = 0; i < t->devices.n; i++) {
		if (!str_eq(t->devices.v[i], t->link))
			continue;
		r = untar_make_room(t, t->base, t->leaf);
		if (r >= 0 && t->devices.n < DEVICES_MAX)
			strv_add(&t->devices, t->full);
		return r < 0 ? r : sidecar_writer_add(t->writer, &rec);
	}
	return -ENOENT;
}

static int add_hardlink(struct untar_tree *t, const struct tar_entry *e)
{
	_cleanup_(fd_closep) int own = -1;
	const char *slash, *name;
	int from, r;

	r = untar_clean_path(e->link, t->link);
	if (r != UNTAR_CLEAN_OK || !*t->link)
		return r < 0 ? r : -EBADMSG;
	t->stats->links++;
	slash = strrchr(t->link, '/');
	name = slash ? slash + 1 : t->link;
	from = open_link_parent(t, slash ? (size_t)(slash - t->link) : 0, &own);
	if (from < 0)
		return from;
	if (str_eq(t->link, t->full))
		return 0; /* to itself: it is there */
	r = linkat(from, name, t->base, t->leaf, 0) < 0 ? -errno : 0;
	if (r == -EEXIST) {
		r = untar_make_room(t, t->base, t->leaf);
		if (r >= 0)
			r = linkat(from, name, t->base, t->leaf, 0) < 0 ? -errno : 0;
	}
	if (r == -ENOENT)
		return add_device_link(t, e);
	return r < 0 ? r : record_link(t, e);
}

/* t->leaf is what shall not be there. A file of this layer hides the lower one by itself. */
static int add_whiteout(struct untar_tree *t, const struct tar_entry *e)
{
	struct tar_entry w = { .mtime = e->mtime, .mtime_ns = e->mtime_ns };
	struct stat st;

	t->stats->whiteouts++;
	if (mknodat(t->base, t->leaf, S_IFCHR, makedev(0, 0)) == 0) {
		t->flags = SIDECAR_WHITEOUT;
		t->xattrs_len = 0;
		return record(t, &w, S_IFCHR);
	}
	if (errno != EEXIST || fstatat(t->base, t->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return untar_set_opaque(t, t->base, t->leaf, t->full);
	return 0;
}

static int add_root(struct untar_tree *t, const struct tar_entry *e)
{
	int r;

	if (e->type != TAR_DIR)
		return -EBADMSG;
	t->full[0] = '\0';
	r = adjust_dir(t, t->fd, e);
	return r < 0 ? r : record(t, e, S_IFDIR);
}

static int add_by_type(struct untar_tree *t, const struct tar_entry *e, int *ret_fd)
{
	switch (e->type) {
	case TAR_FILE:
		return add_file(t, e, ret_fd);
	case TAR_HARDLINK:
		return add_hardlink(t, e);
	case TAR_SYMLINK:
		return add_symlink(t, e);
	case TAR_CHARDEV:
	case TAR_BLOCKDEV:
		return add_device(t, e);
	case TAR_DIR:
		return add_dir(t, e);
	case TAR_FIFO:
		return add_fifo(t, e);
	case TAR_IGNORED:
		break;
	}
	return 0;
}

/* Where the entry goes: t->base, t->leaf, t->full. */
static int locate(struct untar_tree *t, const struct tar_entry *e)
{
	const char *slash = strrchr(t->path, '/');
	const char *leaf = slash ? slash + 1 : t->path;
	int r;

	t->base = untar_enter(t, t->path, slash ? (size_t)(slash - t->path) : 0, e);
	if (t->base < 0)
		return t->base;
	if (str_starts(leaf, UNTAR_WHITEOUT) && !str_starts(leaf, UNTAR_WHITEOUT_META)) {
		leaf += strlen(UNTAR_WHITEOUT);
		if (!path_is_name(leaf))
			return -EBADMSG;
	}
	r = str_copy(t->leaf, sizeof(t->leaf), leaf);
	return r < 0 ? r : untar_join(t->full, t->stack.path, leaf);
}

static int place(struct untar_tree *t, const struct tar_entry *e, int *ret_fd)
{
	const char *slash = strrchr(t->path, '/');
	const char *leaf = slash ? slash + 1 : t->path;
	int r;

	if (!*t->path)
		return add_root(t, e);
	r = locate(t, e);
	if (r < 0)
		return r;
	if (str_eq(leaf, WHITEOUT_OPAQUE))
		return untar_set_opaque(t, t->base, ".", t->stack.path);
	if (str_starts(leaf, UNTAR_WHITEOUT_META))
		return 0; /* aufs' own files */
	if (str_starts(leaf, UNTAR_WHITEOUT))
		return add_whiteout(t, e);
	return add_by_type(t, e, ret_fd);
}

static void squash(struct untar_tree *t, const struct tar_entry *e)
{
	uint32_t n = t->req->id_count;

	t->uid_disk = sidecar_disk_id((uint64_t)e->uid, n);
	t->gid_disk = sidecar_disk_id((uint64_t)e->gid, n);
	t->mode_disk = e->mode;
	t->flags = 0;
	if (e->type == TAR_HARDLINK)
		return; /* the target's owner counts */
	if (t->uid_disk >= t->ids_used)
		t->ids_used = t->uid_disk + 1;
	if (t->gid_disk >= t->ids_used)
		t->ids_used = t->gid_disk + 1;
	if (t->uid_disk != (uint64_t)e->uid || t->gid_disk != (uint64_t)e->gid) {
		t->flags = SIDECAR_SQUASHED;
		t->stats->squashed++;
		if (e->type != TAR_DIR)
			t->mode_disk =
				sidecar_disk_mode(e->mode, (uint64_t)e->uid, (uint64_t)e->gid, n);
		t->stats->setid_less += t->mode_disk != e->mode;
	}
}

static int entry_error(const struct tar_entry *e, int r, struct error *err)
{
	if (r == -EBADMSG)
		return error_set(err, r, "layer entry %s: a name that no layer may have", e->path);
	if (e->type == TAR_HARDLINK)
		error_code(err, r, "unpack layer entry %s, link to %s", e->path, e->link);
	else
		error_code(err, r, "unpack layer entry %s", e->path);
	/* A link to nothing, to a directory, an empty one: whoever made the archive made it so. */
	if ((e->type == TAR_HARDLINK && (r == -ENOENT || r == -EPERM)) ||
	    (e->type == TAR_SYMLINK && r == -ENOENT))
		error_hint(err, "the image is at fault: no container engine can unpack this; have "
				"it built anew");
	/* We are root in U: what else is refused is refused by the file system below. */
	else if (r == -EPERM)
		error_host(err, DCODE_STORE_FS);
	store_error_full(err, r);
	return r;
}

int untar_tree_add(struct untar_tree *t, const struct tar_entry *e, int *ret_fd, struct error *err)
{
	int r;

	*ret_fd = -1;
	if (e->type == TAR_IGNORED)
		return 0;
	r = untar_clean_path(e->path, t->path);
	if (r == UNTAR_CLEAN_SKIP)
		return 0;
	if (r == UNTAR_CLEAN_OK)
		r = encode_xattrs(t, e);
	if (r == 0) {
		squash(t, e);
		r = place(t, e, ret_fd);
	}
	return r < 0 ? entry_error(e, r, err) : 0;
}

int untar_tree_close(struct untar_tree *t, const struct tar_entry *e, int fd,
		     const uint8_t sha256[32], struct error *err)
{
	int r = close_file(t, e, fd, sha256);

	return r < 0 ? entry_error(e, r, err) : 0;
}

/* ---- the end ---- */

static int finish_dir(struct untar_tree *t, const struct sidecar_entry *e)
{
	struct timespec ts[2] = { { e->mtime, e->mtime_ns }, { e->mtime, e->mtime_ns } };
	_cleanup_(fd_closep) int fd = -1;
	const char *slash = strrchr(e->path, '/');
	const char *leaf = slash ? slash + 1 : e->path;
	int base = dirstack_enter(&t->stack, e->path, slash ? (size_t)(slash - e->path) : 0);

	if (base < 0)
		return base;
	if (e->path_len == 0)
		leaf = ".";
	if (e->mode & LATE_BITS) {
		fd = openat(base, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fchmod(fd, e->mode & 07777) < 0)
			return -errno;
	}
	return utimensat(base, leaf, ts, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int finish_dirs(struct untar_tree *t, struct error *err)
{
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	int r;

	r = sidecar_open(t->dirfd, &s, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sidecar_count(s); i++) {
		struct sidecar_entry e;

		sidecar_get(s, i, &e);
		if (!S_ISDIR(e.mode))
			continue;
		r = finish_dir(t, &e);
		if (r < 0)
			return error_code(err, r, "set times of %s", e.path);
	}
	return 0;
}

const char *untar_tree_path(const struct untar_tree *t)
{
	return t->full;
}

bool untar_tree_lost_data(const struct untar_tree *t)
{
	return t->lost_data;
}

static void record_owners(const struct untar_tree *t, struct sidecar_header *h)
{
	struct owners_first first;

	if (!t->req->owners)
		return;
	first = owners_first(t->req->owners);
	h->map_uid0 = first.uid0;
	h->map_uid1 = first.uid1;
	h->map_gid0 = first.gid0;
	h->map_gid1 = first.gid1;
	h->ids_used = t->ids_used ? t->ids_used : 1; /* the root */
	h->map_digest = owners_digest(t->req->owners, h->ids_used);
}

int untar_tree_finish(struct untar_tree *t, const struct tarsplit_part *part, struct error *err)
{
	const struct untar_request *req = t->req;
	struct sidecar_header h = {
		.marks = req->hash ? SIDECAR_CONTENT : 0,
		.counts = { .skipped_xattrs = t->stats->skipped_xattrs },
		.owner = req->id_count > 1 ? SIDECAR_OWNER_MAP : SIDECAR_OWNER_SINGLE,
		.id_count = req->id_count,
	};
	int r;

	record_owners(t, &h);
	if (req->boot && str_copy(h.boot, sizeof(h.boot), req->boot) < 0)
		h.boot[0] = '\0';

	if (part)
		sidecar_writer_tarsplit(t->writer, part->codec, part->plain, part->fd, part->size);
	r = sidecar_writer_finish(t->writer, &h, err);
	return r < 0 ? r : finish_dirs(t, err);
}
