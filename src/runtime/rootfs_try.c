/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/rootfs_try.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/ctr.h"
#include "runtime/mnt.h"
#include "runtime/rootfs_driver.h"
#include "storage/rmtree.h"
#include "storage/textrec.h"

static const char scratch_name[] = "rootfs-try";
static const char fact_name[] = "overlay"; /* in the store's runtime directory */

enum {
	FACT_VERSION = 1,
	FACT_MAX = 512,
};

static int make_lower(int dir, struct error *err)
{
	_cleanup_(fd_closep) int f = -1;

	if (mkdirat(dir, "lower", 0755) == 0 && mkdirat(dir, "lower/d", 0755) == 0)
		f = openat(dir, "lower/d/f", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return f < 0 ? error_sys(err, "make a layer to try") : 0;
}

/* A full disk is no fault of the driver. */
static int replace_directory(const struct rootfs_ops *ops, int root, struct error *err)
{
	int r = 0;

	if (unlinkat(root, "d/f", 0) < 0 || unlinkat(root, "d", AT_REMOVEDIR) < 0 ||
	    mkdirat(root, "d", 0755) < 0)
		r = error_sys(err, "replace a directory of a layer");
	else if (faccessat(root, "d/f", F_OK, 0) == 0)
		r = error_set(err, -EIO, "a file of a layer is back after it was removed");
	if (r < 0 && r != -ENOSPC && r != -EDQUOT)
		error_host(err, ops->dcode);
	return r;
}

static int run_in(const struct rootfs_ops *ops, int dir, bool *ret_mounted, struct error *err)
{
	_cleanup_(fd_closep) int lower = -1;
	struct ctr_spec spec = { .ctr_dirfd = dir, .lower_fds = &lower, .n_lowers = 1 };
	struct rootfs root;
	int r = make_lower(dir, err);

	if (r < 0)
		return r;
	lower = openat(dir, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lower < 0)
		return error_sys(err, "open a layer to try");
	r = ops->mount(&spec, &root, err);
	if (r < 0)
		return r;
	*ret_mounted = true;
	r = replace_directory(ops, root.mnt, err);
	fd_close(root.mnt);
	proc_end(&root.server, ROOTFS_END_MS);
	return r;
}

int rootfs_try(const struct rootfs_ops *ops, int dirfd, bool *ret_mounted, struct error *err)
{
	_cleanup_(fd_closep) int own = mnt_reopen(dirfd, err), dir = -1;
	int r;

	*ret_mounted = false;
	if (own < 0)
		return own;
	r = rmtree(own, scratch_name, 0, 0); /* of one that was killed */
	if (r == 0 && mkdirat(own, scratch_name, 0700) < 0)
		r = -errno;
	if (r < 0)
		return error_code(err, r, "make a directory for a trial");
	dir = openat(own, scratch_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = dir < 0 ? error_sys(err, "open a directory for a trial")
		    : run_in(ops, dir, ret_mounted, err);
	ignore_result(rmtree(own, scratch_name, 0, 0)); /* it goes with the container */
	return r;
}

/* Those of the first kind have had user xattrs and RENAME_WHITEOUT since before 5.11. */
static bool is_known_good(long type)
{
	return type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC || type == BTRFS_SUPER_MAGIC ||
	       type == F2FS_SUPER_MAGIC;
}

struct fact {
	char boot[ID_BOOT_LEN + 1];
	uint64_t dev, type, works;
};

static bool fact_read(int dirfd, const struct fact *want, bool *ret_works)
{
	_cleanup_(freep) char *text = NULL;
	struct fact f = { .boot = "" };
	struct textrec rec;
	size_t len;

	if (path_read(dirfd, fact_name, FACT_MAX, &text, &len) < 0 ||
	    textrec_parse(text, len, "overlay", FACT_VERSION, &rec) < 0 ||
	    textrec_get(&rec, "boot", f.boot, sizeof(f.boot)) < 0 ||
	    textrec_get_u64(&rec, "device", &f.dev) < 0 ||
	    textrec_get_u64(&rec, "type", &f.type) < 0 ||
	    textrec_get_u64(&rec, "works", &f.works) < 0)
		return false;
	*ret_works = f.works;
	return str_eq(f.boot, want->boot) && f.dev == want->dev && f.type == want->type;
}

static void fact_write(int dirfd, const struct fact *f)
{
	struct textrec_writer w;
	char text[FACT_MAX];
	size_t len;

	textrec_begin(&w, text, sizeof(text), "overlay", FACT_VERSION);
	textrec_add(&w, "boot", f->boot);
	textrec_add_u64(&w, "device", f->dev);
	textrec_add_u64(&w, "type", f->type);
	textrec_add_u64(&w, "works", f->works);
	if (textrec_end(&w, &len) == 0) /* without it the next start tries again */
		ignore_result(file_publish(dirfd, fact_name, text, len, 0600, FILE_LAZY));
}

static int check_anew(const struct ctr_spec *spec, struct fact *f, struct error *err)
{
	bool mounted;
	int r = rootfs_try(&rootfs_overlay, spec->ctr_dirfd, &mounted, err);

	/* A refused mount is no fact of this file system: a module may be loaded later. */
	if (r < 0 && !mounted)
		return r;
	f->works = r == 0;
	fact_write(spec->facts_fd, f);
	return r;
}

int rootfs_try_overlay(const struct ctr_spec *spec, struct error *err)
{
	struct fact f = { .boot = "" };
	struct statfs fs;
	struct stat st;
	bool works;

	/* Before its files are taken back from the other driver: will this one take them? */
	if (faccessat(spec->ctr_dirfd, "fuse", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return rootfs_try(&rootfs_overlay, spec->ctr_dirfd, &works, err);
	if (fstatfs(spec->ctr_dirfd, &fs) < 0 || is_known_good((long)fs.f_type))
		return 0;
	if (fstat(spec->ctr_dirfd, &st) < 0 || id_boot(f.boot) < 0)
		return 0;
	f.dev = st.st_dev;
	f.type = (uint64_t)fs.f_type;
	if (!fact_read(spec->facts_fd, &f, &works))
		return check_anew(spec, &f, err);
	if (works)
		return 0;
	error_set(err, -EIO, "overlay cannot replace directories on the store's file system");
	error_host(err, DCODE_NO_OVERLAY);
	return -EIO;
}
