/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/mnt.h"
#include "runtime/plan.h"

/*
 * Theory of operation. Everything that the kernel offers a container is a row of a table below.
 * Rows are made as new file systems inside N, so that they belong to the container's own pid, ipc,
 * net and cgroup namespaces, and are attached through descriptors: a path of the image is used once
 * per top directory (proc, sys, dev), by name and without following anything. What lies inside
 * those three is our own. Masks are taken from our own descriptor of /dev/null (CVE-2025-31133).
 */
enum {
	SHM_SIZE_USUAL = 64 << 20, /* docker's */
	MSG_QUEUE_BYTES = 16384,   /* kernel.msgmnb of a new namespace */
	MSG_QUEUES_USUAL = 32000,  /* kernel.msgmni of one */
};

#define COMMON (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static const struct mnt_option dev_options[] = { { "mode", "755" }, { "size", "64m" }, { NULL } };
static const struct mnt_option pts_options[] = {
	{ "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "620" }, { "gid", "5" }, { NULL }
};
static const struct mnt_option pts_no_gid[] = {
	{ "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "620" }, { NULL }
};
static const struct mnt_option mask_options[] = { { "mode", "555" }, { "size", "4k" }, { NULL } };

/* Below /dev, after the tmpfs there. */
static const struct dev_mount {
	const char *name;
	const char *type;
	const struct mnt_option *options;
	const struct mnt_option *fallback; /* tried when the kernel refuses the first */
	unsigned attr;
	mode_t mode;
} dev_mounts[] = {
	/* Own terminals. gid 5 is "tty" in Debian and Alpine alike; a one-id map has no 5. */
	{ "pts", "devpts", pts_options, pts_no_gid, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0755 },
	/* POSIX shared memory; its size is the container's (attach_dev_mount). */
	{ "shm", "tmpfs", NULL, NULL, COMMON, 01777 },
	/* Message queues of the own ipc namespace. */
	{ "mqueue", "mqueue", NULL, NULL, COMMON, 0755 },
};

/* The host's nodes, bound: mknod gives no working device in a user namespace. */
static const struct device {
	const char *name;
	unsigned major, minor; /* what the host's node must be */
} devices[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },	 { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *to;
} dev_links[] = {
	{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

/* podman's list. What is not there on this kernel is skipped. */
static const char *const proc_masked[] = {
	"acpi",		 /* hardware control on some kernels */
	"interrupts",	 /* keystroke timing of the host */
	"kcore",	 /* the kernel's memory */
	"keys",		 /* names of keys of the user's other sessions */
	"latency_stats", /* the host's activity */
	"sched_debug",	 /* names of all host processes on old kernels */
	"scsi",		 /* device removal by write */
	"timer_list",	 /* host processes and kernel addresses */
	"timer_stats",	 /* the same on old kernels */
};

static const char *const proc_read_only[] = {
	"asound", /* sound hardware */
	"bus",	  /* PCI configuration */
	"fs",	  /* switches of file systems */
	"irq",	  /* interrupt affinity */
	"sys",	  /* sysctls; those of the own namespaces are set before */
	"sysrq-trigger",
};

static const char *const sys_masked[] = {
	"dev/block",		    /* the host's disks by number */
	"devices/virtual/powercap", /* energy counters as a side channel (CVE-2020-8694) */
	"firmware",		    /* EFI variables, ACPI tables */
	"fs/selinux",		    /* a container is not to see or set the policy */
};

/* Sysctls of the network namespace: in a new one they do not have the host's values. */
static const struct {
	const char *path, *value;
} sysctls[] = {
	/* ping without CAP_NET_RAW; 65535 is the last mapped group */
	{ "sys/net/ipv4/ping_group_range", "0 65535" },
	/* ports below 1024 for programs that are not root inside, as docker has it */
	{ "sys/net/ipv4/ip_unprivileged_port_start", "0" },
};

int mounts_real_dir(int dirfd, const char *name, struct error *err)
{
	int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* A link, a FIFO, a file: it would be hidden by the mount anyway, so it is replaced. */
	if (errno != ENOENT && unlinkat(dirfd, name, 0) < 0)
		return error_sys(err, "replace /%s of the image by a directory", name);
	if (mkdirat(dirfd, name, 0755) < 0)
		return error_sys(err, "make /%s in the container", name);
	fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, "open /%s in the container", name) : fd;
}

static int attach_at(int mnt, int dirfd, const char *name)
{
	_cleanup_(fd_closep) int at = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return at < 0 ? -errno : mnt_attach(mnt, at);
}

static int attach_top(const struct plan *p, int mnt, const char *name, struct error *err)
{
	_cleanup_(fd_closep) int at = mounts_real_dir(p->root, name, err);
	int r;

	if (at < 0)
		return at;
	r = mnt_attach(mnt, at);
	return r < 0 ? error_code(err, r, "mount on /%s", name) : 0;
}

static int bind_device(const struct device *d, int host_dev, int dev, struct error *err)
{
	_cleanup_(fd_closep) int place = -1, node = -1;
	struct stat st;
	int r;

	node = mnt_copy(host_dev, d->name);
	if (node < 0)
		return error_code(err, node, "take /dev/%s of the host", d->name);
	if (fstat(node, &st) < 0)
		return error_sys(err, "look at /dev/%s", d->name);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(d->major, d->minor))
		return error_set(err, -ENODEV, "/dev/%s of the host is not device %u:%u", d->name,
				 d->major, d->minor);
	place = openat(dev, d->name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	if (place < 0)
		return error_sys(err, "make /dev/%s", d->name);
	r = mnt_attach(node, place);
	return r < 0 ? error_code(err, r, "mount on /dev/%s", d->name) : 0;
}

static int new_dev_mount(const struct dev_mount *m, uint64_t shm_size)
{
	char size[24];
	const struct mnt_option shm[] = { { "mode", "1777" }, { "size", size }, { NULL } };

	if (!str_eq(m->name, "shm"))
		return mnt_new(m->type, m->options, m->attr);
	(void)snprintf(size, sizeof(size), "%" PRIu64, shm_size ? shm_size : SHM_SIZE_USUAL);
	return mnt_new(m->type, shm, m->attr);
}

static int attach_dev_mount(const struct dev_mount *m, uint64_t shm_size, int dev,
			    struct error *err)
{
	int mnt = new_dev_mount(m, shm_size), r;

	if (mnt < 0 && m->fallback)
		mnt = mnt_new(m->type, m->fallback, m->attr);
	if (mnt < 0)
		return error_code(err, mnt, "make file system %s for /dev/%s", m->type, m->name);
	r = mkdirat(dev, m->name, m->mode) < 0 ? -errno : attach_at(mnt, dev, m->name);
	if (r < 0) {
		fd_close(mnt);
		return error_code(err, r, "mount on /dev/%s", m->name);
	}
	return mnt;
}

static int attach_dev(const struct plan *p, int host_dev, int *ret_dev, int *ret_pts,
		      struct error *err)
{
	_cleanup_(fd_closep) int dev = mnt_new("tmpfs", dev_options, MOUNT_ATTR_NOSUID);
	int r;

	if (dev < 0)
		return error_code(err, dev, "make file system tmpfs for /dev");
	r = attach_top(p, dev, "dev", err);
	for (size_t i = 0; i < ARRAY_SIZE(devices) && r == 0; i++)
		r = bind_device(&devices[i], host_dev, dev, err);
	for (size_t i = 0; i < ARRAY_SIZE(dev_links) && r == 0; i++)
		if (symlinkat(dev_links[i].to, dev, dev_links[i].name) < 0)
			r = error_sys(err, "make link /dev/%s", dev_links[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(dev_mounts) && r == 0; i++) {
		int mnt = attach_dev_mount(&dev_mounts[i], p->spec->shm_size, dev, err);

		if (mnt < 0)
			r = mnt;
		else if (i == 0)
			*ret_pts = mnt;
		else
			fd_close(mnt);
	}
	if (r == 0)
		*ret_dev = TAKE_FD(dev);
	return r;
}

/* Without IPv4 there is nothing to allow. */
static bool set_sysctl(int proc, const char *path, const char *value)
{
	_cleanup_(fd_closep) int fd = openat(proc, path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, value, strlen(value)) == (ssize_t)strlen(value);
}

static void set_sysctls(int proc, gid_t gid)
{
	char own[32];

	(void)snprintf(own, sizeof(own), "%u %u", gid, gid);
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
		if (!set_sysctl(proc, sysctls[i].path, sysctls[i].value))
			/* A map of fewer groups: the one that is there for sure. */
			(void)set_sysctl(proc, sysctls[i].path, own);
}

/*
 * What System V IPC keeps when no process has it any more is memory that nobody is charged with. In
 * all together no more than the limit that is watched; before Linux 6.11 only root of the host may
 * say so, and the manual says that it does not count.
 */
static void limit_ipc(int proc, uint64_t bytes)
{
	char value[24];

	if (!bytes)
		return;
	(void)snprintf(value, sizeof(value), "%" PRIu64, bytes / (uint64_t)sysconf(_SC_PAGESIZE));
	(void)set_sysctl(proc, "sys/kernel/shmall", value);
	bytes /= MSG_QUEUE_BYTES;
	if (bytes >= MSG_QUEUES_USUAL)
		return;
	(void)snprintf(value, sizeof(value), "%" PRIu64, bytes);
	(void)set_sysctl(proc, "sys/kernel/msgmni", value);
}

/* Something that lies below a mount of our own: no path of the image is involved. */
static int cover(int base, const char *name, int null, int *empty_dir, struct error *err)
{
	_cleanup_(fd_closep) int at =
		path_open_beneath(base, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	_cleanup_(fd_closep) int mask = -1;
	struct stat st;
	int r;

	if (at < 0)
		return 0; /* not on this kernel */
	if (fstat(at, &st) < 0)
		return error_sys(err, "look at %s", name);
	if (!S_ISDIR(st.st_mode))
		mask = mnt_copy(null, "");
	else if (*empty_dir < 0)
		mask = mnt_new("tmpfs", mask_options, COMMON | MOUNT_ATTR_RDONLY);
	else
		mask = mnt_copy(*empty_dir, "");
	if (mask < 0)
		return error_code(err, mask, "make a mask for %s", name);
	r = mnt_attach(mask, at);
	if (r < 0)
		return error_code(err, r, "mask %s", name);
	if (S_ISDIR(st.st_mode) && *empty_dir < 0)
		*empty_dir = TAKE_FD(mask); /* attached, so that it can be copied */
	return 0;
}

static int make_read_only(int base, const char *name, struct error *err)
{
	_cleanup_(fd_closep) int at = openat(base, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(fd_closep) int copy = -1;
	int r;

	if (at < 0)
		return 0; /* not on this kernel */
	copy = mnt_copy(at, "");
	if (copy < 0)
		return error_code(err, copy, "take /proc/%s", name);
	r = mnt_restrict(copy, COMMON | MOUNT_ATTR_RDONLY);
	if (r == 0)
		r = mnt_attach(copy, at);
	return r < 0 ? error_code(err, r, "make /proc/%s read-only", name) : 0;
}

static int mask_all(int proc, int sys, int dev, struct error *err)
{
	_cleanup_(fd_closep) int null = openat(dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(fd_closep) int empty = -1;
	int r = 0;

	if (null < 0)
		return error_sys(err, "open /dev/null of the container");
	for (size_t i = 0; i < ARRAY_SIZE(proc_masked) && r == 0; i++)
		r = cover(proc, proc_masked[i], null, &empty, err);
	for (size_t i = 0; i < ARRAY_SIZE(sys_masked) && r == 0; i++)
		r = cover(sys, sys_masked[i], null, &empty, err);
	for (size_t i = 0; i < ARRAY_SIZE(proc_read_only) && r == 0; i++)
		r = make_read_only(proc, proc_read_only[i], err);
	return r;
}

/* Before anything is mounted on it, so that the copy is and stays the whole of it. */
static int keep_proc(const struct plan *p, int proc, int *ret, struct error *err)
{
	int r;

	if (!(p->spec->flags & CTR_KEEP_PROC))
		return 0;
	*ret = mnt_copy(proc, "");
	r = *ret < 0 ? *ret : mnt_restrict(*ret, COMMON | MOUNT_ATTR_RDONLY);
	return r < 0 ? error_code(err, r, "copy the mount of /proc") : 0;
}

static int attach_proc(const struct plan *p, int *ret, int *ret_kept, struct error *err)
{
	_cleanup_(fd_closep) int proc = mnt_new("proc", NULL, COMMON);
	int r;

	if (proc < 0) {
		error_code(err, proc, "make file system proc");
		/* The kernel wants a fully visible proc outside before it gives a new one. */
		if (proc == -EPERM)
			error_host(err, DCODE_PROC_MASKED);
		return proc;
	}
	r = attach_top(p, proc, "proc", err);
	if (r < 0)
		return r;
	r = keep_proc(p, proc, ret_kept, err);
	if (r < 0)
		return r;
	if (p->spec->net != NET_HOST)
		set_sysctls(proc, p->ids.gid);
	limit_ipc(proc, p->spec->ipc_size);
	*ret = TAKE_FD(proc);
	return 0;
}

/* sysfs shows the devices of a network namespace: a new one needs a namespace of our own. */
static int attach_sys(const struct plan *p, int *ret, struct error *err)
{
	_cleanup_(fd_closep) int sys = -1, cgroup = -1;
	int r;

	if (p->sys >= 0)
		sys = fd_dup(p->sys);
	else
		sys = mnt_new("sysfs", NULL, COMMON | MOUNT_ATTR_RDONLY);
	if (sys < 0)
		return error_code(err, sys, "make file system sysfs");
	r = attach_top(p, sys, "sys", err);
	if (r < 0)
		return r;
	/* The own cgroup only (a namespace), and read-only. Hosts without cgroup2: none. */
	cgroup = mnt_new("cgroup2", NULL, COMMON | MOUNT_ATTR_RDONLY);
	if (cgroup >= 0) {
		r = attach_at(cgroup, sys, "fs/cgroup");
		if (r < 0 && r != -ENOENT)
			return error_code(err, r, "mount on /sys/fs/cgroup");
	}
	*ret = TAKE_FD(sys);
	return 0;
}

void mounts_done(struct mounts *m)
{
	fd_close(TAKE_FD(m->pts));
	fd_close(TAKE_FD(m->dev));
	fd_close(TAKE_FD(m->proc));
}

int mounts_attach(const struct plan *p, struct mounts *ret, struct error *err)
{
	_cleanup_(mounts_done) struct mounts m = { -1, -1, -1 };
	_cleanup_(fd_closep) int proc = -1, sys = -1;
	_cleanup_(fd_closep) int host_dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (host_dev < 0)
		return error_sys(err, "open /dev of the host");
	r = attach_proc(p, &proc, &m.proc, err);
	if (r == 0)
		r = attach_dev(p, host_dev, &m.dev, &m.pts, err);
	if (r == 0)
		r = attach_sys(p, &sys, err);
	if (r == 0)
		r = mask_all(proc, sys, m.dev, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct mounts){ -1, -1, -1 };
	return 0;
}
