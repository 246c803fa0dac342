/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/observe.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/autogroup.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/live.h"
#include "runtime/mountinfo.h"

enum {
	TEXT_MAX = 64 << 10,
	PLACE_TIMEOUT_MS = 2000,
};

/* The word behind "\nName:\t" into buf. */
static int field(const char *text, const char *name, char *buf, size_t size)
{
	char key[32];
	const char *p;

	if (str_print(key, sizeof(key), "\n%s:\t", name) < 0)
		return -EINVAL;
	p = strstr(text, key);
	if (!p)
		return -ENODATA;
	p += strlen(key);
	return str_print(buf, size, "%.*s", (int)strcspn(p, "\n\t "), p);
}

static int hex_field(const char *text, const char *name, uint64_t *ret)
{
	char word[24];
	uint64_t v = 0;
	int r = field(text, name, word, sizeof(word));

	if (r < 0)
		return r;
	for (const char *s = word; *s; s++) {
		if (!isxdigit((unsigned char)*s) || s - word >= 16)
			return -EINVAL;
		v = v << 4 |
		    (uint64_t)(isdigit((unsigned char)*s) ? *s - '0' : tolower(*s) - 'a' + 10);
	}
	*ret = v;
	return 0;
}

static int number_field(const char *text, const char *name, uint64_t *ret)
{
	char word[24];
	int r = field(text, name, word, sizeof(word));

	return r < 0 ? r : num_u64(word, ret);
}

int observe_status(const char *text, struct observed *ret)
{
	uint64_t seccomp, filters = 0, no_new_privs;

	if (hex_field(text, "CapBnd", &ret->caps) < 0 ||
	    number_field(text, "NoNewPrivs", &no_new_privs) < 0)
		return -EINVAL;
	/* A kernel without them has no such line. */
	if (number_field(text, "Seccomp", &seccomp) < 0)
		seccomp = 0;
	ignore_result(number_field(text, "Seccomp_filters", &filters)); /* from Linux 5.9 on */
	if (field(text, "Cpus_allowed_list", ret->cpus, sizeof(ret->cpus)) < 0)
		ret->cpus[0] = '\0';
	ret->seccomp = (int)seccomp;
	ret->filters = (unsigned)filters;
	ret->no_new_privs = no_new_privs;
	return 0;
}

static int map_number(const char **p, uint32_t *ret)
{
	char word[16];
	size_t n;

	*p += strspn(*p, " ");
	n = strcspn(*p, " \n");
	if (n == 0 || n >= sizeof(word))
		return -EINVAL;
	memcpy(word, *p, n);
	word[n] = '\0';
	*p += n;
	return num_u32(word, ret);
}

int observe_map(const char *text, struct observed_ids *ret)
{
	struct observed_ids ids = { 0 };
	const char *p = text;

	while (*p) {
		uint32_t inside, outside, count;

		if (map_number(&p, &inside) < 0 || map_number(&p, &outside) < 0 ||
		    map_number(&p, &count) < 0 || count == 0)
			return -EINVAL;
		if (inside == 0)
			ids.first = outside;
		/* Id 1 may be the second of an extent. */
		if (inside <= 1 && count > 1 - inside)
			ids.range = outside + (1 - inside);
		ids.count += count;
		p += *p == '\n';
	}
	*ret = ids;
	return ids.count ? 0 : -EINVAL;
}

static void look_at_ids(int dir, const char *name, struct observed_ids *ret)
{
	_cleanup_(freep) char *text = NULL;

	if (path_load(dir, name, TEXT_MAX, &text, NULL) == 0)
		ignore_result(observe_map(text, ret)); /* count 0 says it */
}

static int compare_net(int dir)
{
	struct stat own, its;

	if (stat("/proc/self/ns/net", &own) < 0 || fstatat(dir, "ns/net", &its, 0) < 0)
		return -1;
	return own.st_dev != its.st_dev || own.st_ino != its.st_ino;
}

/* From the list of mounts: on the way to the place may lie a file system that never answers. */
static uint64_t look_at_shm(const char *mounts)
{
	struct mountinfo m;

	if (!mounts || mountinfo_by_target(mounts, "/dev/shm", &m) < 0 || !str_eq(m.type, "tmpfs"))
		return 0;
	return mountinfo_size(&m);
}

static void look_at_rest(int dir, struct observed *o)
{
	_cleanup_(freep) char *words = NULL, *adj = NULL;

	look_at_ids(dir, "uid_map", &o->uids);
	look_at_ids(dir, "gid_map", &o->gids);
	ignore_result(path_load(dir, "mountinfo", MOUNTINFO_SIZE_MAX, &o->mounts,
				NULL)); /* NULL says it */
	o->own_net = compare_net(dir);
	o->shm_size = look_at_shm(o->mounts);
	if (path_load(dir, "oom_score_adj", TEXT_MAX, &adj, NULL) == 0) {
		adj[strcspn(adj, "\n")] = '\0';
		ignore_result(num_i64(adj, &o->oom_score_adj)); /* the kernel's own number */
	}
	/* Up to the first NUL byte. A longer word is none of ours. */
	if (path_load(dir, "cmdline", 4 << 20, &words, NULL) == 0)
		ignore_result(str_copy(o->program, sizeof(o->program), words));
}

/* Another uid's limits are told to the owner of its user namespace. */
static void look_at_limits(pid_t pid, struct observed *o)
{
	o->knows_limits = true;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (prlimit(pid, (__rlimit_resource_t)i, NULL, &o->limits[i]) < 0)
			o->knows_limits = false;
	errno = 0;
	o->nice = getpriority(PRIO_PROCESS, (id_t)pid);
	o->io_prio = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid);
}

void observe_mems(const char *text, char *buf, size_t size)
{
	static const char key[] = " bind:";
	size_t line = strcspn(text, "\n");
	const char *p = memmem(text, line, key, sizeof(key) - 1);

	buf[0] = '\0';
	if (!p)
		return;
	p += sizeof(key) - 1;
	if (str_print(buf, size, "%.*s", (int)strcspn(p, " \n"), p) < 0)
		buf[0] = '\0';
}

/* The first of its mappings: those without a policy of their own tell the process's. */
static void look_at_mems(int dir, struct observed *o)
{
	_cleanup_(fd_closep) int fd = openat(dir, "numa_maps", O_RDONLY | O_CLOEXEC);
	char text[512];

	o->mems[0] = '\0';
	if (fd >= 0 && fd_read_text(fd, text, sizeof(text)) > 0)
		observe_mems(text, o->mems, sizeof(o->mems));
}

static void look_at_helper(uint32_t pid, struct observed *o)
{
	_cleanup_(freep) char *comm = NULL;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", pid);
	if (path_load(AT_FDCWD, path, TEXT_MAX, &comm, NULL) < 0)
		return;
	if (str_eq(comm, "watchdog\n"))
		o->has_watchdog = 1;
	else if (str_eq(comm, "netstack\n"))
		o->has_netstack = 1;
}

static void look_at_helpers(pid_t parent, struct observed *o)
{
	_cleanup_(freep) char *text = NULL;
	char path[64];
	uint32_t pid;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	o->has_watchdog = o->has_netstack = -1;
	if (path_load(AT_FDCWD, path, TEXT_MAX, &text, NULL) < 0)
		return;
	o->has_watchdog = o->has_netstack = 0;
	for (const char *p = text; map_number(&p, &pid) == 0;)
		look_at_helper(pid, o);
}

static bool has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

int observe(int pidfd, pid_t pid, pid_t parent, struct observed *ret, struct error *err)
{
	_cleanup_(observed_done) struct observed o = { .own_net = -1 };
	_cleanup_(freep) char *status = NULL;
	_cleanup_(fd_closep) int dir = -1;
	char path[LIVE_DIR_MAX];
	int r;

	dir = open(live_dir(pid, path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? -errno : path_load(dir, "status", TEXT_MAX, &status, NULL);
	if (r == 0)
		r = observe_status(status, &o);
	if (r == 0) {
		look_at_rest(dir, &o);
		look_at_limits(pid, &o);
		look_at_mems(dir, &o);
		o.has_autogroup = autogroup_get(pid, &o.autogroup_nice) == 0;
		look_at_helpers(parent, &o);
	}
	if (has_ended(pidfd))
		r = -ESRCH;
	if (r < 0)
		return error_code(err, r, "look at process %d", pid);
	*ret = o;
	o.mounts = NULL;
	return 0;
}

/* --- what lies at a path inside --- */

struct place {
	int root;
	const char *path;
	int out;
};

static int find_mount(void *arg)
{
	const struct place *p = arg;
	_cleanup_(fd_closep) int fd = path_open_in_root(p->root, p->path, O_PATH, 0);
	struct statx sx;
	uint64_t id = 0;

	if (fd >= 0 && statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) == 0 &&
	    (sx.stx_mask & STATX_MNT_ID) && (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		id = sx.stx_mnt_id;
	return fd_write_all(p->out, &id, sizeof(id)) < 0;
}

/* In a child, which is left behind where a file system of the container's holds it. */
static uint64_t find_mount_in_time(struct place *p)
{
	struct pollfd answer = { .events = POLLIN };
	uint64_t id = 0;
	struct proc child;
	int fds[2], r;

	if (fd_pipe(fds) < 0)
		return 0;
	p->out = fds[1];
	r = proc_clone(0, -1, find_mount, p, &child);
	fd_close(fds[1]);
	if (r == 0) {
		answer.fd = fds[0];
		if (poll(&answer, 1, PLACE_TIMEOUT_MS) == 1 &&
		    fd_read_full(fds[0], &id, sizeof(id)) == 0) {
			proc_kill(&child);
		} else {
			id = 0;
			ignore_result(proc_signal(&child, SIGKILL)); /* may be beyond reach */
			proc_done(&child);
		}
	}
	fd_close(fds[0]);
	return id;
}

uint64_t observe_mount(int pidfd, pid_t pid, const char *path)
{
	struct place p = { .root = -1, .path = path };
	char dir[LIVE_DIR_MAX], root[LIVE_DIR_MAX + 8];
	uint64_t id;

	(void)snprintf(root, sizeof(root), "%s/root", live_dir(pid, dir));
	p.root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p.root < 0)
		return 0;
	id = find_mount_in_time(&p);
	fd_close(p.root);
	return has_ended(pidfd) ? 0 : id;
}

void observed_done(struct observed *o)
{
	free(TAKE_PTR(o->mounts));
}
