/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/str.h"
#include "runtime/mountinfo.h"

enum {
	TRIAL_SIZE = 4096,
};

const char *probe_remote(long type)
{
	static const struct {
		long type;
		const char *name;
	} names[] = {
		{ NFS_SUPER_MAGIC, "NFS" },	{ SMB_SUPER_MAGIC, "SMB" },
		{ SMB2_SUPER_MAGIC, "SMB" },	{ CIFS_SUPER_MAGIC, "SMB" },
		{ 0x0bd00bd0, "Lustre" },	{ 0x47504653, "GPFS" },
		{ CEPH_SUPER_MAGIC, "CephFS" }, { V9FS_MAGIC, "9P" },
		{ AFS_SUPER_MAGIC, "AFS" },	{ 0x65735546, "FUSE" },
		{ 0x19830326, "BeeGFS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return NULL;
}

struct place {
	struct statvfs vfs;
	struct statfs fs;
	char type[32];
	int xattr; /* user xattrs: 1, 0, or -1 where that cannot be tried */
};

/* In a file without a name: nothing is left, whatever happens. */
static int try_xattr(const char *path)
{
	_cleanup_(fd_closep) int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (fsetxattr(fd, "user.carrel.probe", "y", 1, 0) == 0)
		return 1;
	return errno == EOPNOTSUPP ? 0 : -1;
}

static int look(const char *path, struct place *p, struct error *err)
{
	_cleanup_(fd_closep) int fd = open(path, O_PATH | O_CLOEXEC);
	struct mountinfo m;

	if (fd < 0 || fstatvfs(fd, &p->vfs) < 0 || fstatfs(fd, &p->fs) < 0)
		return error_sys(err, "look at %s", path);
	if (mountinfo_of_fd(fd, &m) == 0)
		ignore_result(str_copy(p->type, sizeof(p->type), m.type)); /* long ones: none */
	p->xattr = try_xattr(path);
	return 0;
}

static void add_facts(const char *path, const struct place *p, uint64_t bytes,
		      struct probe_result *ret)
{
	probe_fact(ret, "path", path);
	probe_fact(ret, "type", p->type);
	probe_fact_bool(ret, "remote", probe_remote((long)p->fs.f_type));
	probe_fact_bool(ret, "readonly", p->vfs.f_flag & ST_RDONLY);
	probe_fact_bool(ret, "noexec", p->vfs.f_flag & ST_NOEXEC);
	probe_fact_bool(ret, "nosuid", p->vfs.f_flag & ST_NOSUID);
	if (p->xattr >= 0)
		probe_fact_bool(ret, "xattr", p->xattr);
	if (p->vfs.f_blocks)
		probe_fact_u64(ret, "free", bytes);
	if (p->vfs.f_files)
		probe_fact_u64(ret, "free_inodes", p->vfs.f_favail);
}

int probe_place(const char *path, const char *name, struct probe_result *ret, struct error *err)
{
	struct place p = { 0 };
	const char *remote;
	char room[40] = "";
	uint64_t bytes;
	int r = look(path, &p, err);

	if (r < 0)
		return r;
	bytes = (uint64_t)p.vfs.f_bavail * p.vfs.f_frsize;
	remote = probe_remote((long)p.fs.f_type);
	if (p.vfs.f_blocks) /* ramfs counts nothing */
		(void)snprintf(room, sizeof(room), ", %llu %s free",
			       (unsigned long long)(bytes < 10000000000 ? bytes / 1000000
									: bytes / 1000000000),
			       bytes < 10000000000 ? "MB" : "GB");
	probe_say(ret, "%s: %s%s%s%s%s%s%s", name, *p.type ? p.type : "file system",
		  remote ? " (remote)" : "", room, p.vfs.f_flag & ST_RDONLY ? ", read-only" : "",
		  p.vfs.f_flag & ST_NOEXEC ? ", noexec" : "",
		  p.vfs.f_flag & ST_NOSUID ? ", nosuid" : "",
		  p.xattr == 0 ? ", no user xattrs" : "");
	add_facts(path, &p, bytes, ret);
	return 0;
}

/* Nothing needs it but what lies there, and that has rows of its own: never a finding. */
int probe_home(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(freep) char *home = dirs_home(err);
	struct error e = { 0 };

	(void)h;
	if (!home)
		probe_skip(ret, "HOME is not set and passwd names none");
	else if (probe_place(home, home, ret, &e) < 0)
		probe_say(ret, "%s: %s", home, strerror(-e.code));
	return 0;
}

int probe_runtime_dir(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");
	_cleanup_(freep) char *path = NULL, *own = xasprintf("%s/carrel", xdg ? xdg : "");
	_cleanup_(fd_closep) int fd = dirs_open_runtime(&path, err);
	int r;

	(void)h;
	if (fd < 0)
		return fd;
	r = probe_place(path, path, ret, err);
	if (r < 0)
		return r;
	if (!xdg)
		probe_degraded(ret, DCODE_NO_RUNTIME_DIR, "XDG_RUNTIME_DIR is unset: %s is used",
			       path);
	else if (!str_eq(path, own))
		probe_degraded(ret, DCODE_NO_RUNTIME_DIR, "%s is unusable: %s is used", xdg, path);
	return 0;
}

static int write_trial(const char *dir)
{
	char zeros[TRIAL_SIZE] = { 0 }, id[ID_TEMP_LEN + 1];
	_cleanup_(fd_closep) int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	_cleanup_(freep) char *name = NULL;

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		name = xasprintf("%s/.carrel-probe-%s", dir, id_temp(id));
		fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			(void)unlink(name);
	}
	return fd < 0 ? -errno : fd_write_all(fd, zeros, sizeof(zeros));
}

/* Our only use for it is a runtime directory, where XDG_RUNTIME_DIR gives none. */
int probe_tmp(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	int r = probe_place("/tmp", "/tmp", ret, err), written, runtime;

	(void)h;
	if (r < 0) {
		error_host(err, DCODE_TMP);
		return r;
	}
	written = write_trial("/tmp");
	if (written == 0)
		return 0;
	runtime = dirs_open_runtime(NULL, NULL);
	fd_close(runtime);
	if (runtime >= 0) {
		probe_degraded(ret, DCODE_TMP, "write a file in /tmp: %s", strerror(-written));
		return 0;
	}
	error_code(err, written, "write a file in /tmp");
	error_host(err, DCODE_TMP);
	return written;
}
