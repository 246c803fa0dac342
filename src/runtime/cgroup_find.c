/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/cgroup_find.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

/*
 * Theory of operation. A subtree of cgroup v2 is delegated when its directory, cgroup.procs and
 * cgroup.subtree_control belong to us; the limits of its own root do not. The kernel's rules for
 * who may be put where:
 *	- a process is moved, or cloned, only where the cgroup.procs of the nearest cgroup above
 *both ends can be written: a login shell (session-N.scope) cannot reach user@UID.service
 *	- a cgroup has either processes or children with controllers, never both: where we are in
 *the way ourselves we go into a leaf, where others are (a shell) the place is not usable
 *	- a controller is there for children when it is in cgroup.subtree_control, which can be
 *	  written where cgroup.controllers has it
 * Between user@UID.service and a unit with Delegate=yes the user's systemd is the only writer: it
 * takes controllers away again when it realizes its units, so those are not for us.
 */
static const struct {
	enum cgroup_controller one;
	const char *name;
} controllers[] = {
	{ CGROUP_MEMORY, "memory" }, { CGROUP_CPU, "cpu" }, { CGROUP_PIDS, "pids" },
	{ CGROUP_CPUSET, "cpuset" }, { CGROUP_IO, "io" },
};

const char *cgroup_controller_name(enum cgroup_controller one)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (controllers[i].one == one)
			return controllers[i].name;
	return "?";
}

unsigned cgroup_controllers(const char *text)
{
	unsigned set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (cgroupfs_has_word(text, controllers[i].name))
			set |= controllers[i].one;
	return set;
}

char *cgroup_controllers_text(unsigned set, char buf[64])
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (set & controllers[i].one)
			len += (size_t)snprintf(buf + len, 64 - len, "%s%s", len ? " " : "",
						controllers[i].name);
	return buf;
}

int cgroup_own_path(const char *text, char buf[CGROUPFS_PATH_MAX])
{
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		size_t n;

		if (!str_starts(p, "0::/"))
			continue;
		p += 4;
		n = strcspn(p, "\n");
		/* "/../x": outside of our cgroup namespace; "x (deleted)": removed under us. */
		if ((n >= 2 && p[0] == '.' && p[1] == '.' && (n == 2 || p[2] == '/')) ||
		    (n >= 10 && strncmp(p + n - 10, " (deleted)", 10) == 0))
			return -ENODATA;
		if (n >= CGROUPFS_PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(buf, p, n);
		buf[n] = '\0';
		return 0;
	}
	return -ENODATA;
}

/* Length of the path down to and with its user@UID.service; 0 = it is not below one. */
static size_t user_manager(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n > 13 && str_starts(p, "user@") && strncmp(p + n - 8, ".service", 8) == 0)
			return (size_t)(p - path) + n;
		p += n + (p[n] == '/');
	}
	return 0;
}

bool cgroup_is_managed(const char *path, bool (*delegated)(size_t len, void *data), void *data)
{
	size_t len = user_manager(path);

	if (!len)
		return false;
	while (path[len]) {
		len += 1 + strcspn(path + len + 1, "/");
		if (delegated(len, data))
			return false;
	}
	return true;
}

struct finder {
	int root;
	unsigned want;
	char own[CGROUPFS_PATH_MAX];
	bool knows_own;
	struct cgroup_place best;
	bool in_use;   /* one has controllers, and processes of others that keep them from it */
	char why[160]; /* why the last one was none */
};

static bool has_mark(size_t len, void *data)
{
	const char *path = ((void **)data)[0];
	const struct finder *f = ((void **)data)[1];
	char part[CGROUPFS_PATH_MAX], value[8];
	_cleanup_(fd_closep) int fd = -1;

	memcpy(part, path, len);
	part[len] = '\0';
	fd = cgroupfs_open(f->root, part);
	return fd >= 0 && fgetxattr(fd, "user.delegate", value, sizeof(value)) == 1 &&
	       value[0] == '1';
}

static bool may_write(int dirfd, const char *file)
{
	return faccessat(dirfd, file, W_OK, AT_EACCESS) == 0;
}

/* Is the carrel that started us the parent? It may be moved with us; nobody else may. */
static pid_t carrel_parent(void)
{
	struct stat own, parent;
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", getppid());
	if (stat("/proc/self/exe", &own) < 0 || stat(path, &parent) < 0 ||
	    own.st_dev != parent.st_dev || own.st_ino != parent.st_ino)
		return 0;
	return getppid();
}

/* 0: nobody is in it; 1: we alone; 2: others. */
static int who_is_in(int dirfd)
{
	char text[CGROUPFS_TEXT_MAX];
	pid_t parent = carrel_parent();
	int found = 0;

	if (cgroupfs_read(dirfd, "cgroup.procs", text, sizeof(text)) < 0)
		return 2;
	for (char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		bool last = !p[n];
		uint32_t pid;

		p[n] = '\0';
		if (num_u32(p, &pid) < 0 || ((pid_t)pid != getpid() && (pid_t)pid != parent))
			return 2;
		found = 1;
		p += n + !last;
	}
	return found;
}

static unsigned count(unsigned set)
{
	return (unsigned)__builtin_popcount(set);
}

/* What the children of this cgroup have or can be given, of what is wanted. */
static unsigned offers(struct finder *f, int fd, bool own)
{
	char text[CGROUPFS_TEXT_MAX];
	unsigned set = 0;
	int who;

	if (cgroupfs_read(fd, "cgroup.subtree_control", text, sizeof(text)) >= 0)
		set = cgroup_controllers(text) & f->want;
	if (set == f->want || cgroupfs_read(fd, "cgroup.controllers", text, sizeof(text)) < 0)
		return set;
	who = who_is_in(fd);
	if (who == 0 || (who == 1 && own))
		set |= cgroup_controllers(text) & f->want;
	else if (cgroup_controllers(text) & f->want & ~set)
		f->in_use = true;
	return set;
}

/* Takes fd. */
static void consider(struct finder *f, int fd, const char *path, bool own)
{
	unsigned set;

	if (!may_write(fd, ".") || !may_write(fd, "cgroup.procs") ||
	    !may_write(fd, "cgroup.subtree_control")) {
		(void)snprintf(f->why, sizeof(f->why), "the cgroup /%.100s is not the user's",
			       path);
		fd_close(fd);
		return;
	}
	set = offers(f, fd, own);
	log_debug("cgroup", "/%s offers %u of %u", path, count(set), count(f->want));
	if (f->best.fd >= 0 && count(set) <= count(f->best.offers)) {
		fd_close(fd);
		return;
	}
	fd_close(f->best.fd);
	f->best = (struct cgroup_place){ .fd = fd, .own = own, .offers = set };
	ignore_result(str_copy(f->best.path, sizeof(f->best.path), path)); /* same size */
}

/* /proc tells a path of another view of the tree where a container shows us the host's mount: we
 * must find ourselves in it. */
static int open_own(struct finder *f)
{
	char text[CGROUPFS_TEXT_MAX], pid[16];
	_cleanup_(fd_closep) int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(fd_closep) int fd = -1;
	int r;

	r = proc < 0 ? -errno : cgroupfs_read(proc, "cgroup", text, sizeof(text));
	if (r >= 0)
		r = cgroup_own_path(text, f->own);
	if (r < 0)
		return r;
	fd = cgroupfs_open(f->root, f->own);
	if (fd < 0)
		return fd;
	r = cgroupfs_read(fd, "cgroup.procs", text, sizeof(text));
	if (r < 0)
		return r;
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	/* A text that was cut may lack it. */
	if (r < CGROUPFS_TEXT_MAX - 1 && !cgroupfs_has_word(text, pid))
		return -ENODATA;
	f->knows_own = true;
	return TAKE_FD(fd);
}

/* Upwards as long as it is ours; the nearest first, the own one last: there we have to move. */
static void walk(struct finder *f, int own_fd)
{
	char path[CGROUPFS_PATH_MAX];
	void *data[2] = { path, f };
	char *slash;

	memcpy(path, f->own, sizeof(path));
	while (*path) {
		int fd;

		slash = strrchr(path, '/');
		*(slash ? slash : path) = '\0';
		fd = cgroupfs_open(f->root, path);
		if (fd < 0 || !may_write(fd, "cgroup.procs")) {
			fd_close(fd);
			break;
		}
		if (cgroup_is_managed(path, has_mark, data))
			fd_close(fd);
		else
			consider(f, fd, path, false);
		if (f->best.offers == f->want)
			break;
	}
	memcpy(path, f->own, sizeof(path));
	if (f->best.offers == f->want || cgroup_is_managed(path, has_mark, data)) {
		fd_close(own_fd);
		if (f->best.fd < 0)
			(void)snprintf(f->why, sizeof(f->why),
				       "the user's systemd manages the cgroup");
		return;
	}
	consider(f, own_fd, path, true);
}

/* The nearest cgroup above both, as a path into buf. */
static void common(const char *a, const char *b, char buf[CGROUPFS_PATH_MAX])
{
	size_t last = 0, i = 0;

	for (; a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			last = i;
	if ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/'))
		last = i;
	memcpy(buf, a, last);
	buf[last] = '\0';
}

static int configured_path(char **ret, struct error *err)
{
	const char *env = secure_getenv("CARREL_CGROUP");

	if (env && *env) {
		*ret = xstrdup(env);
		return 0;
	}
	return conf_get("cgroup", ret, err);
}

/* Where the path that the user wrote lies below the mount. */
static int below_mount(const char *path, const char **ret)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/unified/", "/sys/fs/cgroup/" };

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		if (str_starts(path, mounts[i])) {
			*ret = path + strlen(mounts[i]);
			return 0;
		}
	return -EINVAL;
}

static int consider_configured(struct finder *f, struct error *err)
{
	_cleanup_(freep) char *text = NULL;
	char above[CGROUPFS_PATH_MAX], path[CGROUPFS_PATH_MAX];
	_cleanup_(fd_closep) int fd = -1, top = -1;
	const char *p;
	size_t n;
	int r;

	r = configured_path(&text, err);
	if (r < 0 || !text)
		return r;
	n = strlen(text);
	while (n && text[n - 1] == '/')
		text[--n] = '\0';
	r = below_mount(text, &p);
	if (r == 0)
		r = str_copy(path, sizeof(path), p);
	fd = r < 0 ? r : cgroupfs_open(f->root, path);
	if (fd < 0) {
		error_code(err, fd, "use the configured cgroup subtree %s", text);
		error_hint(err, "it must be a directory below /sys/fs/cgroup that belongs to you "
				"(CARREL_CGROUP, or `cgroup` in carrel.conf)");
		return fd;
	}
	common(f->own, path, above);
	top = f->knows_own ? cgroupfs_open(f->root, above) : -1;
	if (top < 0 || !may_write(top, "cgroup.procs")) {
		(void)snprintf(f->why, sizeof(f->why),
			       "this process is outside of the configured subtree, and the kernel "
			       "lets nobody but root move it in");
		return 0;
	}
	consider(f, TAKE_FD(fd), path, f->knows_own && str_eq(path, f->own));
	return 0;
}

static int nothing(const char *why, struct error *err)
{
	error_set(err, -EOPNOTSUPP, "no cgroup is delegated to the user: %s", why);
	error_host(err, DCODE_NO_CGROUP);
	return -EOPNOTSUPP;
}

int cgroup_find(unsigned want, struct cgroup_place *ret, struct error *err)
{
	struct finder f = { .want = want, .best.fd = -1 };
	int own, r;

	f.root = cgroupfs_open_root();
	if (f.root < 0)
		return nothing("no cgroup2 file system is mounted", err);
	own = open_own(&f);
	r = consider_configured(&f, err);
	if (r == 0 && own < 0)
		(void)snprintf(f.why, sizeof(f.why), "the own cgroup cannot be seen from here");
	else if (r == 0 && f.best.offers != want)
		walk(&f, TAKE_FD(own));
	fd_close(own);
	fd_close(f.root);
	if (r == 0 && f.in_use && !f.best.offers)
		r = nothing("other processes, as a shell, are in the cgroup that has controllers",
			    err);
	else if (r == 0 && f.best.fd < 0)
		r = nothing(f.why, err);
	if (r < 0) {
		fd_close(f.best.fd);
		return r;
	}
	*ret = f.best;
	return 0;
}

int cgroup_find_own(unsigned want, struct cgroup_place *ret, struct error *err)
{
	struct finder f = { .want = want, .best.fd = -1 };
	int own;

	f.root = cgroupfs_open_root();
	own = f.root < 0 ? f.root : open_own(&f);
	if (own >= 0)
		consider(&f, own, f.own, true);
	fd_close(f.root);
	if (f.best.fd < 0)
		return nothing(own < 0 ? "the own cgroup cannot be seen" : f.why, err);
	*ret = f.best;
	ret->scope = true;
	return 0;
}
