/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/rootcaller.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/sandbox.h"
#include "base/str.h"
#include "mapper_filter.h"
#include "runtime/idmap.h"
#include "runtime/inside.h"

/*
 * Theory of operation. With a map 0 -> 0 container root owns the host's files and /proc/sys even
 * without any capability, so root never becomes id 0 of a container: it steps down to the first id
 * of its own subuid range and is from then on a user like any other. Only newuidmap would not know
 * that id. Hence the mapper: a child that stays root, keeps four capabilities and answers one
 * question, "write my map", for processes of that id and with that range only. The socket is bound
 * by the caller after it stepped down, so root creates no file in a directory of somebody else's.
 */
static const char home_dir[] = "/var/lib/carrel";
static const char run_dir[] = "/run/carrel";

struct mapper {
	struct idmap_extent uids, gids; /* whole ranges of root's; the first id is container 0 */
	int sock;
	int go; /* the caller has bound the socket */
	int caller;
	int run_dir;
	int go_write;
	char name[32]; /* of the socket in the runtime directory */
};

static int write_range(int dirfd, const char *name, const struct idmap_extent *range)
{
	struct idmap_extent rest = { .host = range->host + 1, .count = range->count - 1 };
	struct str_buf text __attribute__((cleanup(str_buf_done)));

	if (rest.count > IDMAP_COUNT - 1)
		rest.count = IDMAP_COUNT - 1;
	str_buf_init(&text, 256);
	idmap_format(&text, range->host, &rest, 1);
	return path_write_text(dirfd, name, text.s);
}

/* Write the map of the process at the other end. */
static int mapper_answer(const struct mapper *m, int conn)
{
	_cleanup_(fd_closep) int dir = -1;
	struct pollfd p = { .fd = conn };
	struct ucred peer;
	socklen_t len = sizeof(peer);
	char path[32];
	int r;

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (peer.uid != m->uids.host || peer.pid <= 0)
		return -EPERM;
	(void)snprintf(path, sizeof(path), "/proc/%d", peer.pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	/* The directory pins the process; still connected means that it is the one that asked. */
	if (poll(&p, 1, 0) != 0)
		return -ESRCH;
	r = write_range(dir, "uid_map", &m->uids);
	return r < 0 ? r : write_range(dir, "gid_map", &m->gids);
}

static int mapper_keep_caps(void)
{
	/* SETUID and SETGID for maps over our own namespace, SYS_ADMIN for the namespace that they
	 * belong to, DAC_OVERRIDE because the files in /proc are the asking process's. */
	const uint32_t keep =
		1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_SYS_ADMIN | 1u << CAP_DAC_OVERRIDE;
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { .effective = keep, .permitted = keep } };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static int mapper_isolate(struct mapper *m)
{
	const int keep[] = { m->sock, m->go, m->caller, m->run_dir };
	int null, r;

	(void)setsid(); /* ^C at the terminal is for the caller */
	/* Nobody who reads the caller's output to its end shall wait for this process. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int i = 0; i <= 2; i++)
		if (dup2(null, i) < 0)
			return -errno;
	if (chdir("/") < 0)
		return -errno;
	r = proc_close_fds(keep, ARRAY_SIZE(keep));
	return r < 0 ? r : mapper_keep_caps();
}

static int mapper_main(void *arg)
{
	struct mapper *m = arg;
	char c;

	/* #syscalls:mapper read write poll ppoll accept4 getsockopt openat close unlinkat */
	/* #syscalls:mapper brk mmap munmap exit_group rt_sigreturn restart_syscall */
	if (mapper_isolate(m) < 0 ||
	    sandbox_filter(mapper_filter, ARRAY_SIZE(mapper_filter), NULL) < 0 ||
	    fd_read_full(m->go, &c, 1) < 0)
		return 1;
	for (;;) {
		struct pollfd p[] = { { .fd = m->sock, .events = POLLIN },
				      { .fd = m->caller, .events = POLLIN } };
		int conn, r;

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return 1;
		if (p[1].revents) {
			/* By descriptor and one name: nothing of that id's can lead elsewhere. */
			(void)unlinkat(m->run_dir, m->name, 0);
			return 0;
		}
		conn = accept4(m->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (conn < 0)
			continue;
		r = mapper_answer(m, conn);
		ignore_result(write(conn, &r, sizeof(r))); /* a peer that left needs no answer */
		fd_close(conn);
	}
}

static int mapper_start(struct mapper *m, struct error *err)
{
	struct proc p;
	int go[2], r;

	m->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->sock < 0)
		return error_sys(err, "make a socket");
	m->caller = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (m->caller < 0)
		return error_sys(err, "open this process");
	r = fd_pipe(go);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	m->go = go[0];
	m->run_dir = open(run_dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->run_dir < 0)
		return error_sys(err, "open %s", run_dir);
	(void)snprintf(m->name, sizeof(m->name), "mapper-%d", getpid());
	r = proc_clone(0, -1, mapper_main, m, &p);
	fd_close(go[0]);
	m->go_write = go[1];
	if (r < 0)
		return error_code(err, r, "start the mapper");
	proc_done(&p); /* it ends by itself when this process has ended */
	return 0;
}

/* A directory of the id that the caller becomes; one of any other owner is refused. */
static int make_dir(const char *path, const struct mapper *m, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_sys(err, "make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, "open %s", path);
	if (fstat(fd, &st) < 0)
		return error_sys(err, "look at %s", path);
	if (st.st_uid == m->uids.host)
		return 0;
	if (st.st_uid != 0) {
		error_set(err, -EPERM, "%s belongs to id %u, and root's subuid range begins at %u",
			  path, st.st_uid, m->uids.host);
		error_hint(err, "the range in /etc/subuid was changed: put it back, or remove %s",
			   path);
		return -EPERM;
	}
	if (fchown(fd, m->uids.host, m->gids.host) < 0 || fchmod(fd, 0700) < 0)
		return error_sys(err, "give %s to id %u", path, m->uids.host);
	return 0;
}

static int step_down(const struct mapper *m, struct error *err)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	if (setgroups(0, NULL) < 0 || setresgid(m->gids.host, m->gids.host, m->gids.host) < 0 ||
	    setresuid(m->uids.host, m->uids.host, m->uids.host) < 0)
		return error_sys(err, "become id %u", m->uids.host);
	/* The change of ids cleared permitted and effective, not inheritable. */
	if (syscall(SYS_capset, &h, none) < 0)
		return error_sys(err, "drop all capabilities");
	/* The change also made /proc/self root's; nothing secret has been read yet. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return error_sys(err, "make this process dumpable");
	if (setenv("HOME", home_dir, 1) < 0 || setenv("XDG_RUNTIME_DIR", run_dir, 1) < 0 ||
	    setenv("CARREL_ROOT", home_dir, 0) < 0)
		return error_sys(err, "set the environment");
	return 0;
}

/* Sockets of mappers that were killed. */
static void sweep_sockets(void)
{
	DIR *d = opendir(run_dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		uint32_t pid;

		if (str_starts(e->d_name, "mapper-") && num_u32(e->d_name + 7, &pid) == 0 &&
		    kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			(void)unlinkat(dirfd(d), e->d_name, 0); /* or another caller did */
	}
	if (d)
		(void)closedir(d);
}

static int bind_socket(struct mapper *m, struct error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int r;

	sweep_sockets();
	r = str_print(a.sun_path, sizeof(a.sun_path), "%s/%s", run_dir, m->name);
	if (r < 0)
		return error_code(err, r, "name the mapper's socket");
	(void)unlink(a.sun_path); /* left by an earlier process of this number */
	if (bind(m->sock, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(m->sock, 4) < 0)
		return error_sys(err, "listen on %s", a.sun_path);
	if (setenv(IDMAP_MAPPER_ENV, a.sun_path, 1) < 0)
		return error_sys(err, "set %s", IDMAP_MAPPER_ENV);
	r = fd_write_all(m->go_write, "", 1);
	return r < 0 ? error_code(err, r, "start the mapper") : 0;
}

/* The caller's own user namespace (unshare -r, a container): its root is nobody's there. */
static bool is_namespace_root(void)
{
	_cleanup_(freep) char *text = NULL;
	uint32_t row[3];

	return path_load(AT_FDCWD, "/proc/self/uid_map", 4096, &text, NULL) == 0 &&
	       idmap_parse_row(text, row) == 0 && row[2] != UINT32_MAX;
}

int rootcaller_drop(struct error *err)
{
	struct mapper m = { .sock = -1, .go = -1, .caller = -1, .run_dir = -1, .go_write = -1 };
	int r;

	if (getuid() != 0 || userns_is_inside())
		return 0;
	if (idmap_root_range("/etc/subuid", &m.uids) < 0 ||
	    idmap_root_range("/etc/subgid", &m.gids) < 0) {
		error_set(err, -ENOENT, "root has no range in /etc/subuid and /etc/subgid");
		idmap_error_root(err);
		return -ENOENT;
	}
	r = make_dir(home_dir, &m, err);
	if (r == 0)
		r = make_dir(run_dir, &m, err);
	if (r == 0)
		r = mapper_start(&m, err);
	if (r == 0)
		r = step_down(&m, err);
	if (r == 0)
		r = bind_socket(&m, err);
	if (r < 0 && err && is_namespace_root()) {
		error_hint(err,
			   "this root is one of a user namespace (unshare -r) alone: call carrel "
			   "outside of it, as the user who you are there");
		error_host(err, DCODE_ROOT_SUBID);
	}
	/* Without a byte in it the end of this pipe ends the mapper. */
	fd_close(m.go_write);
	fd_close(m.sock);
	fd_close(m.caller);
	fd_close(m.run_dir);
	return r;
}

bool rootcaller_dirs(struct strv *stores, struct strv *runtimes)
{
	if (!secure_getenv(IDMAP_MAPPER_ENV))
		return false;
	strv_add(stores, home_dir);
	strv_add(runtimes, run_dir);
	return true;
}

int rootcaller_ask(const char *path, struct error *err)
{
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int r, answer;

	if (fd < 0)
		return error_sys(err, "make a socket");
	r = str_copy(a.sun_path, sizeof(a.sun_path), path);
	if (r < 0)
		return error_code(err, r, "connect to %s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return error_sys(err, "connect to the process that writes id maps for root");
	r = fd_read_full(fd, &answer, sizeof(answer));
	if (r == 0)
		r = answer;
	return r < 0 ? error_code(err, r, "have the id map written for root's range") : 0;
}
