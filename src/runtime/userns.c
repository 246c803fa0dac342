/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/hostdiag.h"
#include "runtime/idmap.h"
#include "runtime/inside.h"
#include "runtime/rootcaller.h"

enum {
	MAP_ARGS_MAX = 2 + 3 * (IDMAP_EXTENTS_MAX + 1) + 1,
	NUMBER_LEN = 12,
	SAID_MAX = 256,
};

/* One of newuidmap and newgidmap. */
struct helper {
	const char *program;
	struct proc proc;
	int said[2]; /* its stderr */
	char numbers[MAP_ARGS_MAX][NUMBER_LEN];
	char *argv[MAP_ARGS_MAX + 1];
};

static void helper_args(struct helper *h, pid_t pid, uint32_t own, const struct idmap_extent *e,
			unsigned n)
{
	uint32_t next = 1;
	unsigned k = 0;

	(void)snprintf(h->numbers[k++], NUMBER_LEN, "%d", pid);
	(void)snprintf(h->numbers[k++], NUMBER_LEN, "0");
	(void)snprintf(h->numbers[k++], NUMBER_LEN, "%u", own);
	(void)snprintf(h->numbers[k++], NUMBER_LEN, "1");
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(h->numbers[k++], NUMBER_LEN, "%u", next);
		(void)snprintf(h->numbers[k++], NUMBER_LEN, "%u", e[i].host);
		(void)snprintf(h->numbers[k++], NUMBER_LEN, "%u", e[i].count);
		next += e[i].count;
	}
	h->argv[0] = (char *)h->program;
	for (unsigned i = 0; i < k; i++)
		h->argv[i + 1] = h->numbers[i];
	h->argv[k + 1] = NULL;
}

static int helper_start(struct helper *h, struct error *err)
{
	int r = fd_pipe(h->said);

	if (r < 0)
		return error_code(err, r, "start %s", h->program);
	r = proc_spawn(
		&(struct proc_spec){
			.dirfd = AT_FDCWD,
			.path = h->program,
			.argv = h->argv,
			.fds = (const struct proc_fd[]){ { h->said[1], STDOUT_FILENO },
							 { h->said[1], STDERR_FILENO } },
			.n_fds = 2,
			.flags = PROC_CLEAR_ENV,
		},
		&h->proc, err);
	fd_close(TAKE_FD(h->said[1]));
	return r;
}

static int helper_wait(struct helper *h, struct error *err)
{
	_cleanup_(freep) char *said = NULL;
	int status, r;

	r = fd_read_to_end(h->said[0], SAID_MAX * 16, &said, NULL);
	if (r == 0)
		r = proc_wait(&h->proc, &status);
	if (r < 0)
		return error_code(err, r, "wait for %s", h->program);
	proc_done(&h->proc);
	if (status == 0)
		return 0;
	said[strcspn(said, "\n")] = '\0';
	return hostdiag_idmap(h->program, status, said, err);
}

static void helper_done(struct helper *h)
{
	fd_close(h->said[0]);
	fd_close(h->said[1]);
	proc_kill(&h->proc);
}

/* Both run at the same time; each says its own error. */
static int helpers_run(struct helper *u, struct helper *g, struct error *err)
{
	struct error second = { 0 };
	int r, q;

	r = helper_start(u, err);
	if (r == 0)
		r = helper_start(g, err);
	if (r < 0)
		return r;
	r = helper_wait(u, err);
	/* Waited for in any case: until then it may write. */
	q = helper_wait(g, &second);
	if (r == 0 && q < 0 && err)
		*err = second;
	return r < 0 ? r : q;
}

static int find_program(const char *name, char *buf, size_t size)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin",
					    "/run/wrappers/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (str_print(buf, size, "%s/%s", dirs[i], name) == 0 && access(buf, X_OK) == 0)
			return 0;
	return -ENOENT;
}

void userns_hold_mounts(void)
{
	(void)open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
}

static int enter_namespaces(struct error *err)
{
	userns_hold_mounts();
	/* Together: the mount namespace must be U's, or nothing could be mounted in it. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return hostdiag_userns(-errno, err);
	return 0;
}

/*
 * The first process of a new U, which does nothing: newuidmap writes the map of a process, and has
 * to run outside of the namespace, where we could not start it any more if we were in there
 * ourselves. So this one is in there, and we follow when there is a map. It shares our memory, has
 * no signal to fear, and ends with the pipe, when we want it or when we have ended.
 */
struct anchor {
	struct proc proc;
	int gate[2];
	struct proc_stack stack;
};

static int anchor_main(void *arg)
{
	const struct anchor *a = arg;
	char c;

	/* Our copy of the write end goes first, or the end of the other is never seen. */
	fd_close(a->gate[1]);
	ignore_result(fd_read_full(a->gate[0], &c, 1)); /* its end is what counts */
	return 0;
}

static int anchor_start(struct anchor *a, struct error *err)
{
	int r = fd_pipe(a->gate);

	if (r < 0)
		return error_code(err, r, "make a pipe");
	r = proc_clone_vm(CLONE_NEWUSER, &a->stack, anchor_main, a, &a->proc);
	/* Limits of this process's own, not of the host. */
	if (r == -EAGAIN || r == -EMFILE)
		return proc_clone_error(err, r, "the first process of a user namespace");
	return r < 0 ? hostdiag_userns(r, err) : 0;
}

static int anchor_open(const struct anchor *a, struct error *err)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", a->proc.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, "open %s", path) : fd;
}

static void anchor_done(struct anchor *a)
{
	fd_close(a->gate[0]);
	fd_close(a->gate[1]);
	proc_kill(&a->proc); /* its stack is ours */
}

static int follow(int ns, struct error *err)
{
	userns_hold_mounts();
	/* The mount namespace must be U's, or nothing could be mounted in it. */
	if (setns(ns, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)
		return hostdiag_userns(-errno, err);
	return 0;
}

static int map_anchor(const struct idmap *map, pid_t pid, struct error *err)
{
	char uid_prog[64], gid_prog[64];
	struct helper u = { uid_prog, { .pidfd = -1 }, { -1, -1 } };
	struct helper g = { gid_prog, { .pidfd = -1 }, { -1, -1 } };
	int r;

	if (find_program("newuidmap", uid_prog, sizeof(uid_prog)) < 0 ||
	    find_program("newgidmap", gid_prog, sizeof(gid_prog)) < 0) {
		error_set(err, -ENOENT, "newuidmap and newgidmap are not in /usr/bin");
		error_host(err, DCODE_NO_NEWIDMAP);
		return -ENOENT;
	}
	helper_args(&u, pid, map->uid0, map->uids, map->n_uid_extents);
	helper_args(&g, pid, map->gid0, map->gids, map->n_gid_extents);
	r = helpers_run(&u, &g, err);
	helper_done(&u);
	helper_done(&g);
	return r;
}

static int map_by_helpers(const struct idmap *map, struct error *err)
{
	struct anchor a = { .proc = { .pidfd = -1 }, .gate = { -1, -1 } };
	_cleanup_(fd_closep) int ns = -1;
	int r = anchor_start(&a, err);

	if (r == 0)
		r = map_anchor(map, a.proc.pid, err);
	if (r == 0)
		r = ns = anchor_open(&a, err);
	if (r >= 0)
		r = follow(ns, err);
	anchor_done(&a);
	return r;
}

static int write_single(uid_t uid, gid_t gid)
{
	char text[NUMBER_LEN * 3];
	int r;

	/* The kernel's condition: who has no right to groups must not be able to drop any. */
	r = path_write_text(AT_FDCWD, "/proc/self/setgroups", "deny");
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "0 %u 1\n", uid);
	r = path_write_text(AT_FDCWD, "/proc/self/uid_map", text);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "0 %u 1\n", gid);
	return path_write_text(AT_FDCWD, "/proc/self/gid_map", text);
}

/* The one map that needs nobody's help. */
static int map_single(const struct idmap *map, struct error *err)
{
	int r = enter_namespaces(err);

	if (r < 0)
		return r;
	r = write_single(map->uid0, map->gid0);
	return r < 0 ? hostdiag_no_power(r, err) : 0;
}

static bool is_mappers_fault(enum dcode code)
{
	return code == DCODE_NO_SUBID || code == DCODE_NO_NEWIDMAP || code == DCODE_NEWIDMAP_PRIV ||
	       code == DCODE_NO_PASSWD;
}

static int map_caller(struct idmap *map, struct error *err)
{
	struct error why = { 0 };
	int r;

	if (idmap_is_single(map))
		return map_single(map, err);
	r = map_by_helpers(map, &why);
	if (r == 0)
		return 0;
	if (!is_mappers_fault(why.dcode)) {
		if (err)
			*err = why;
		return r;
	}
	idmap_make_single(map, &why);
	return map_single(map, err);
}

int userns_become_root(struct error *err)
{
	int r;

	/* Supplementary groups stay: the user's own files may need them, and inside a container
	 * pid 1 drops them. */
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_sys(err, "become root of the new user namespace");
	/* Ubuntu's restriction lets the namespace be made and then takes its capabilities away. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return hostdiag_no_power(-errno, err);
	r = userns_mark_inside();
	return r < 0 ? error_code(err, r, "remember the user namespace") : 0;
}

int userns_enter(struct idmap *map, struct error *err)
{
	const char *mapper = secure_getenv(IDMAP_MAPPER_ENV);
	int r;

	if (userns_is_inside())
		return 0;
	dirs_keep_caller();
	if (mapper && !idmap_is_single(map)) {
		r = enter_namespaces(err);
		if (r == 0)
			r = rootcaller_ask(mapper, err);
	} else {
		r = map_caller(map, err);
	}
	return r < 0 ? r : userns_become_root(err);
}

struct trial {
	struct idmap map;
	struct error err;
	int out;
};

static int trial_main(void *arg)
{
	struct trial *t = arg;
	int r = userns_enter(&t->map, &t->err);

	/* A pipe takes both in one piece only up to PIPE_BUF; the reader waits for all of it. */
	if (fd_write_all(t->out, &t->map, sizeof(t->map)) < 0 ||
	    fd_write_all(t->out, &t->err, sizeof(t->err)) < 0)
		return EXIT_OURS;
	return r < 0 ? EXIT_OURS : 0;
}

int userns_try(struct idmap *ret, struct error *err)
{
	struct trial t = { .out = -1 };
	struct proc p = { .pidfd = -1 };
	int fds[2], r, q = -1;

	r = idmap_load(&t.map, err);
	if (r == 0) {
		r = fd_pipe(fds);
		if (r < 0)
			error_code(err, r, "make a pipe");
	}
	if (r < 0)
		return r;
	t.out = fds[1];
	r = proc_clone(0, -1, trial_main, &t, &p);
	fd_close(fds[1]);
	if (r == 0) {
		q = fd_read_full(fds[0], &t.map, sizeof(t.map));
		if (q == 0)
			q = fd_read_full(fds[0], &t.err, sizeof(t.err));
		proc_kill(&p);
	}
	fd_close(fds[0]);
	if (r < 0 || q < 0)
		return error_code(err, r < 0 ? r : q, "try to make a user namespace");
	if (error_is_set(&t.err)) {
		if (err)
			*err = t.err;
		return t.err.code;
	}
	*ret = t.map;
	return 0;
}

void userns_warn_single(const struct idmap *map)
{
	if (idmap_is_single(map) && map->why != DCODE_NONE)
		log_warn(map->why, "%s: " USERNS_SINGLE_TEXT, map->why_text);
}

int userns_need_full(struct error *err)
{
	struct idmap map;
	int r = userns_try(&map, err);

	if (r < 0 || !idmap_is_single(&map))
		return r;
	error_set(err, -EPERM, "%s: there is one id only, and --strict asks for more",
		  map.why_text);
	hostdiag_one_id(map.why, err);
	return -EPERM;
}

static int write_map(pid_t pid, const char *file, uint32_t first, const struct idmap_extent *e,
		     unsigned n, struct error *err)
{
	char path[48], text[NUMBER_LEN * 3 * (IDMAP_EXTENTS_MAX + 1)];
	_cleanup_(fd_closep) int fd = -1;
	uint32_t next = 1;
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, "open %s", path);
	/* One line over two extents of U is EPERM: each extent is repeated by itself. */
	len = (size_t)snprintf(text, sizeof(text), "%u 0 1\n", first);
	for (unsigned i = 0; i < n; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u %u %u\n", next, next,
					e[i].count);
		next += e[i].count;
	}
	if (write(fd, text, len) != (ssize_t)len)
		return error_sys(err, "write the id map of the container");
	return 0;
}

int userns_map_nested(pid_t pid, const struct idmap *map, uid_t uid, gid_t gid, struct error *err)
{
	bool single = idmap_is_single(map);
	int r;

	if (!single)
		uid = gid = 0;
	r = write_map(pid, "uid_map", uid, map->uids, single ? 0 : map->n_uid_extents, err);
	if (r < 0)
		return r;
	return write_map(pid, "gid_map", gid, map->gids, single ? 0 : map->n_gid_extents, err);
}
