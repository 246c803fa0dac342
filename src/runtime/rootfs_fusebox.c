/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/rootfs_fusebox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/mnt.h"
#include "runtime/seccomp.h"

/*
 * Theory of operation. The parent makes everything that needs names or memory: a tmpfs with the
 * places of the mounts in it, and the mounts, all detached. The child attaches them in its own
 * mount namespace, pivots, gives up what it does not need, and executes the program through the
 * descriptor, so that it need not lie in the new root.
 */
enum {
	FUSE_FD = 3,
	OPTIONS_MAX = 128 + ROOTFS_LAYERS_MAX * sizeof("/layers/1f3"),
	CAP_NUMBER_MAX = 63,
	MNT_COMMON = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
};

/* What a dynamic program needs, whatever the distribution; what is not there is skipped. */
static const struct {
	const char *path;
	const char *name; /* in the new root */
} libraries[] = {
	{ "/usr", "usr" },
	{ "/lib", "lib" },
	{ "/lib64", "lib64" },
	{ "/nix/store", "nix/store" },
	{ "/gnu/store", "gnu/store" },
	{ "/etc/ld.so.cache", "etc/ld.so.cache" },
};

static const char *const places[] = { "proc", "layers", "rw", "etc", "nix", "gnu" };

/* Over the files of U; nothing that reaches into a namespace, a device or another process. */
static const uint64_t file_caps = UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE |
				  UINT64_C(1) << CAP_FOWNER | UINT64_C(1) << CAP_FSETID |
				  UINT64_C(1) << CAP_MKNOD | UINT64_C(1) << CAP_SETFCAP;

struct server {
	const struct fusebox *box;
	int root;			  /* the tmpfs */
	int trees[ARRAY_SIZE(libraries)]; /* detached, or -1: absent, or a link in the tmpfs */
	int null, said;
	char *argv[6];
};

/* --- in the child --- */

static int attach_at(int mnt, int dirfd, const char *name, struct error *err)
{
	_cleanup_(fd_closep) int at = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int r = at < 0 ? -errno : mnt_attach(mnt, at);

	return r < 0 ? error_code(err, r, "attach /%s", name) : 0;
}

static int attach_all(const struct server *s, struct error *err)
{
	_cleanup_(fd_closep) int at = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(fd_closep) int proc = -1;
	char name[24];
	int r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, "make mounts private");
	r = at < 0 ? -errno : mnt_attach(s->root, at);
	if (r < 0)
		return error_code(err, r, "attach a root");
	/* Here, where the host's is still in sight: the kernel wants to see that first. */
	proc = mnt_new("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (proc < 0)
		return error_code(err, proc, "make file system proc");
	r = attach_at(proc, s->root, "proc", err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(libraries); i++)
		if (s->trees[i] >= 0)
			r = attach_at(s->trees[i], s->root, libraries[i].name, err);
	for (unsigned i = 0; r == 0 && i < s->box->n_lowers; i++) {
		(void)snprintf(name, sizeof(name), "layers/%x", i);
		r = attach_at(s->box->lowers[i], s->root, name, err);
	}
	return r < 0 ? r : attach_at(s->box->dir, s->root, "rw", err);
}

static int enter_root(const struct server *s, struct error *err)
{
	struct mount_attr attr = { .attr_set = MNT_COMMON };

	if (mount_setattr(s->root, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return error_sys(err, "make the root read-only");
	if (fchdir(s->root) < 0 || sys_pivot_root(".", ".") < 0)
		return error_sys(err, "enter the root");
	/* The old root lies on top of the new one. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return error_sys(err, "leave the host's files");
	return 0;
}

/* The program, /dev/fuse as FUSE_FD and three streams: everything else is closed. */
static int take_fds(const struct server *s, int *ret_exe, struct error *err)
{
	int dev = fcntl(s->box->dev, F_DUPFD_CLOEXEC, FUSE_FD + 1);
	int exe = fcntl(s->box->exe, F_DUPFD_CLOEXEC, FUSE_FD + 1);
	int null = fcntl(s->null, F_DUPFD_CLOEXEC, FUSE_FD + 1);
	int said = fcntl(s->said, F_DUPFD_CLOEXEC, FUSE_FD + 1);
	int keep[] = { FUSE_FD, exe }, r;

	if (dev < 0 || exe < 0 || null < 0 || said < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0 ||
	    dup2(dev, FUSE_FD) < 0)
		return error_sys(err, "take over descriptors");
	r = proc_close_fds(keep, ARRAY_SIZE(keep));
	if (r < 0)
		return error_code(err, r, "close the descriptors that it does not need");
	*ret_exe = exe;
	return 0;
}

static int limit_caps(struct error *err)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	/* EINVAL: past the kernel's last one. Root of U gets the rest by its exec. */
	for (int i = 0; i <= CAP_NUMBER_MAX; i++)
		if (!(file_caps >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break;
			return error_sys(err, "drop capability %d", i);
		}
	for (int i = 0; i < 2; i++)
		d[i].effective = d[i].permitted = (uint32_t)(file_caps >> (32 * i));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &h, d) < 0)
		return error_sys(err, "limit the capabilities");
	return 0;
}

static int confine(struct error *err)
{
	static const struct rlimit no_core = { 0, 0 };
	struct pollfd p = { .fd = STDERR_FILENO };
	int r = limit_caps(err);

	if (r < 0)
		return r;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(err, "set no_new_privs");
	r = seccomp_apply(0, err); /* none of them opens a call that it needs */
	if (r < 0 && err->dcode != DCODE_NO_SECCOMP)
		return r;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return error_sys(err, "tie it to its parent");
	if (poll(&p, 1, 0) > 0 && (p.revents & POLLERR))
		return error_set(err, -ESRCH, "its parent has ended");
	return 0;
}

/*
 * It ends with its mount, or by SIGKILL: not at a logout that sends SIGTERM to every process of the
 * user, before the container has ended. libfuse takes handlers for these, but leaves the mask.
 */
static void block_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaddset(&set, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int server_main(void *arg)
{
	static char *const no_env[] = { NULL };
	const struct server *s = arg;
	char text[ERROR_TEXT_MAX];
	struct error err = { 0 };
	int exe = -1, r;

	(void)setsid();		  /* a new pid namespace: it cannot lead a group yet */
	proc_hear_write_errors(); /* its words go nowhere once the parent has closed its end */
	block_signals();
	r = attach_all(s, &err);
	if (r == 0)
		r = enter_root(s, &err);
	if (r == 0)
		r = take_fds(s, &exe, &err);
	if (r == 0)
		r = confine(&err);
	if (r == 0) {
		ignore_result(sys_execveat(exe, "", s->argv, no_env, AT_EMPTY_PATH));
		r = error_sys(&err, "execute it");
	}
	error_format(&err, text, sizeof(text));
	ignore_result(fd_write_all(exe < 0 ? s->said : STDERR_FILENO, text, strlen(text)));
	return EXIT_OURS;
}

/* --- in the parent --- */

static int add_library(struct server *s, size_t i, struct error *err)
{
	const char *path = libraries[i].path, *name = libraries[i].name;
	char target[PATH_MAX];
	struct stat st;
	int r = 0;

	if (lstat(path, &st) < 0)
		return 0;
	if (S_ISLNK(st.st_mode)) {
		r = path_read_link(AT_FDCWD, path, target, sizeof(target));
		if (r < 0)
			return error_code(err, r, "read link %s", path);
		if (symlinkat(target, s->root, name) < 0)
			r = -errno;
	} else if (S_ISDIR(st.st_mode)) {
		r = mkdirat(s->root, name, 0755) < 0 ? -errno : 0;
	} else {
		int fd = openat(s->root, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);

		r = fd < 0 ? -errno : 0;
		fd_close(fd);
	}
	if (r == 0 && !S_ISLNK(st.st_mode)) {
		s->trees[i] = mnt_copy(AT_FDCWD, path);
		r = s->trees[i] < 0 ? s->trees[i] : mnt_restrict(s->trees[i], MNT_COMMON);
	}
	return r < 0 ? error_code(err, r, "take %s", path) : 0;
}

static int make_root(struct server *s, struct error *err)
{
	static const struct mnt_option options[] = {
		{ "mode", "755" }, { "size", "1m" }, { "nr_inodes", "1k" }, { NULL }
	};
	char name[24];
	int r = 0;

	s->root = mnt_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (s->root < 0)
		return error_code(err, s->root, "make file system tmpfs");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (mkdirat(s->root, places[i], 0755) < 0)
			return error_sys(err, "make /%s", places[i]);
	for (unsigned i = 0; i < s->box->n_lowers; i++) {
		(void)snprintf(name, sizeof(name), "layers/%x", i);
		if (mkdirat(s->root, name, 0755) < 0)
			return error_sys(err, "make /%s", name);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(libraries); i++)
		r = add_library(s, i, err);
	return r;
}

/* At most 500 short names; the kernel takes 128 KiB in one word. */
static void make_options(const struct fusebox *b, struct str_buf *o)
{
	str_buf_init(o, OPTIONS_MAX);
	str_buf_adds(o, "upperdir=/rw/upper,workdir=/rw/work,lowerdir=");
	for (unsigned i = b->n_lowers; i-- > 0;)
		str_buf_addf(o, "/layers/%x%s", i, i ? ":" : "");
	if (b->is_volatile)
		str_buf_adds(o, ",volatile");
}

static int clone_server(struct server *s, struct proc *ret)
{
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC;
	int r = proc_clone(flags | CLONE_NEWNET, -1, server_main, s, ret);

	/* Hosts that allow no network namespace run containers without one, too. */
	if (r == -ENOSPC || r == -EINVAL)
		r = proc_clone(flags, -1, server_main, s, ret);
	return r;
}

static int start(struct server *s, struct proc *ret, int *ret_said, struct error *err)
{
	int said[2], r = make_root(s, err);

	if (r < 0)
		return r;
	s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->null < 0)
		return error_sys(err, "open /dev/null");
	r = fd_pipe(said);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	s->said = said[1];
	r = clone_server(s, ret);
	fd_close(said[1]);
	if (r < 0) {
		fd_close(said[0]);
		return error_code(err, r, "start a process");
	}
	*ret_said = said[0];
	return 0;
}

int fusebox_start(const struct fusebox *b, struct proc *ret, int *ret_said, struct error *err)
{
	struct server s = { .box = b, .root = -1, .null = -1 };
	_cleanup_(str_buf_done) struct str_buf options;
	char device[24];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
		s.trees[i] = -1;
	make_options(b, &options);
	r = str_buf_end(&options);
	if (r < 0)
		return error_code(err, r, "name the layers");
	(void)snprintf(device, sizeof(device), "/dev/fd/%d", FUSE_FD);
	s.argv[0] = (char *)"fuse-overlayfs";
	s.argv[1] = (char *)"-f";
	s.argv[2] = (char *)"-o";
	s.argv[3] = options.s;
	s.argv[4] = device;
	r = start(&s, ret, ret_said, err);
	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
		fd_close(s.trees[i]);
	fd_close(s.root);
	fd_close(s.null);
	return r;
}

void fusebox_close(struct fusebox *b)
{
	for (unsigned i = 0; i < b->n_lowers; i++)
		fd_close(b->lowers[i]);
	b->n_lowers = 0;
	fd_close(b->dir);
	fd_close(b->dev);
	fd_close(b->exe);
	b->dir = b->dev = b->exe = -1;
}
