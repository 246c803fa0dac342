/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/tune.h"
#include "runtime/userns.h"

/* What a container shall be, complete and resolved; filled by src/cli/launch.c. */

enum net_mode {
	NET_NONE,
	NET_PRIVATE,
	NET_HOST,
};

enum ctr_flags {
	CTR_TTY = 1 << 0,
	CTR_INIT = 1 << 1,	/* --init: libexec/carrel/init is pid 1 */
	CTR_READ_ONLY = 1 << 2, /* --read-only root file system */
	CTR_NO_NEW_PRIVS = 1 << 3,
	CTR_SECCOMP_OFF = 1 << 4, /* --security-opt seccomp=unconfined */
	CTR_VOLATILE = 1 << 5,	  /* overlay `volatile`: the upper dies with the container */
	CTR_REAL_IDS = 1 << 6,	  /* one id: chown and set*id fail instead of being answered */
	CTR_USER_ASKED = 1 << 7,  /* `user` is the caller's word, not the image's */
	CTR_KEEP_PROC = 1 << 8,	  /* give out its proc mount: struct ctr.proc_fd */
	CTR_STRICT = 1 << 9,	  /* an error instead of a lesser way that only warns */
};

enum ctr_mount_kind {
	CTR_MOUNT_BIND,
	CTR_MOUNT_TMPFS,
};

enum ctr_mount_flags {
	CTR_MOUNT_RO = 1 << 0,
	CTR_MOUNT_NOEXEC = 1 << 1,
	CTR_MOUNT_NOSUID = 1 << 2,
	CTR_MOUNT_NODEV = 1 << 3,
};

struct ctr_mount {
	enum ctr_mount_kind kind;
	enum ctr_mount_flags flags;
	/* Bind: O_PATH descriptor opened as the caller on the host side, and its canonical path. It
	 * is opened again in U's mount namespace and must be the same file. */
	int source_fd;
	const char *source;
	const char *target;  /* absolute path inside */
	const char *options; /* tmpfs: "size=64m,mode=1777" or NULL */
};

/* A directory of carrel's own. */
struct ctr_hide {
	char *path;
	int fd; /* opened on the host side: it is in use. -1: what lies at `path`, if anything */
	bool is_runtime; /* a link there is not followed, and nothing above it is made */
};

/* --here: the caller as himself, in a map of one id. */
struct ctr_here {
	uid_t uid;
	gid_t gid;
	const char *passwd, *group; /* his lines, first in the image's /etc/passwd and group */
	const char *home;
	mode_t umask;
};

struct ctr_spec {
	const char *id;
	const char *hostname;
	char *const *argv;
	char *const *envp;
	const char *user;  /* "", "uid", "name", "uid:gid", "name:group": looked up in the image */
	const char *cwd;   /* made when absent, as docker does */
	char *const *dirs; /* made when absent, where that can be; NULL = none */
	enum net_mode net;
	enum ctr_flags flags;
	uint64_t caps; /* bounding, permitted, effective set of root; see caps.h */
	const struct ctr_rlimit *rlimits;
	unsigned n_rlimits;
	uid_t owner; /* of N, an id of U: 0, or one that no process in U has */
	/* With such an owner: all ids in N together never have more processes (threads count, too),
	 * whatever they do; 0 = no maximum. */
	uint64_t max_processes;
	uint64_t shm_size; /* bytes of /dev/shm; 0 = 64 MiB */
	uint64_t ipc_size; /* of its shared memory and its messages (System V); 0 = the kernel's */
	uint64_t tmpfs_size; /* of a tmpfs that names none; 0 = the kernel's, half of its memory */
	struct tune tune;
	int cgroup_fd; /* pid 1 begins in it (CLONE_INTO_CGROUP); -1 = none */
	const struct ctr_mount *mounts;
	unsigned n_mounts;

	/* Root file system: layer trees bottom first (O_PATH), upper and work below ctr_dirfd. */
	const int *lower_fds;
	unsigned n_lowers;
	int ctr_dirfd; /* containers/<id>: upper/ and work/, or fuse/, are made in it */
	int facts_fd;  /* the store's runtime directory: what was found out about this host */

	/* Contents of files that are bound over the image's own; NULL = leave the image's. */
	const char *resolv_conf, *hosts, *hostname_file;

	/* Store and runtime directory: an empty read-only directory lies over them wherever a bind
	 * mount shows them (DESIGN 5 rule 4). Only looked at where there is a bind. */
	const struct ctr_hide *hidden;
	unsigned n_hidden;

	/* Standard descriptors of the container (DESIGN 4.9); ignored with CTR_TTY. */
	int stdio[3];
	unsigned short tty_rows, tty_cols; /* with CTR_TTY, set before the exec; 0 = unknown */
	int libexec_fd;			   /* for CTR_INIT */
	struct idmap map;
	const struct ctr_here *here; /* NULL: root inside is id 0 of the map */
};

/* A created container: pid 1 exists, mounts, and waits before its exec. */
struct ctr {
	struct proc init;
	struct proc server;   /* of the root file system (rootfs.h); pidfd -1: none */
	uint64_t start_time;  /* of pid 1, as in /proc/PID/stat */
	int netns_fd;	      /* with NET_PRIVATE, for src/net: its network namespace, else -1 */
	int userns_fd;	      /* and its N */
	int files_fd;	      /* private to ctr.c: closed when the program runs */
	int pty_master;	      /* with CTR_TTY, else -1 */
	int proc_fd;	      /* with CTR_KEEP_PROC: a read-only mount of its proc, else -1 */
	enum ctr_flags flags; /* the spec's */
	int gate_fd;	      /* private to ctr.c */
};

/* Nothing is open: for ctr_done() where ctr_create() did not come to pass. */
#define CTR_NONE                           \
	((struct ctr){ .init.pidfd = -1,   \
		       .server.pidfd = -1, \
		       .netns_fd = -1,     \
		       .userns_fd = -1,    \
		       .pty_master = -1,   \
		       .proc_fd = -1,      \
		       .files_fd = -1,     \
		       .gate_fd = -1 })

/*
 * The caller is root inside U (userns_enter) and becomes the parent of pid 1, which dies with it
 * (PDEATHSIG). On failure nothing remains but empty directories in ctr_dirfd.
 */
int ctr_create(const struct ctr_spec *spec, struct ctr *ret, struct error *err) _nodiscard_;
/*
 * Wait until pid 1 is undumpable. Its pid is written down after that, and not before: whoever joins
 * its namespaces until it has left the host's root would be there, too (CVE-2016-9962).
 */
int ctr_hidden(const struct ctr *c, struct error *err) _nodiscard_;
/* Wait until pid 1 has mounted everything; what else the namespaces need is done before, beside
 * it. On failure, as on that of ctr_start(), ctr_done() is the caller's. */
int ctr_ready(struct ctr *c, struct error *err) _nodiscard_;
/* Let pid 1 go on to its exec, and wait for the outcome: 0 = the program runs; else err with exit
 * status 126 or 127 as docker has it, and pid 1 is reaped. */
int ctr_start(struct ctr *c, struct error *err) _nodiscard_;
/* Close what is open; kills a container that was not started. */
void ctr_done(struct ctr *c);

/*
 * exec: run another program inside a running container, from the host side.
 * pidfd: of the container's pid 1, checked against the record. The calling process forks; the
 * child sets dumpable 0 before it joins, and becomes pid-namespace member, credentials, caps and
 * seccomp as pid 1 has them.
 */
struct ctr_exec {
	int pidfd;
	pid_t pid; /* of pid 1, for /proc */
	char *const *argv;
	char *const *envp;
	const char *user, *cwd;
	/* CTR_TTY, CTR_NO_NEW_PRIVS, CTR_SECCOMP_OFF, CTR_REAL_IDS as the container's;
	 * CTR_USER_ASKED */
	enum ctr_flags flags;
	enum dcode one_id; /* why the container has no other, if it has not: as in struct ids */
	uint64_t caps;
	int stdio[3];
	unsigned short tty_rows, tty_cols;
	int cgroup_fd; /* the container's cgroup, opened on the host side; -1 = none */
	/* Put a process into it in another way, where the kernel lets us not do it: before the
	 * process enters the container. */
	int (*place)(pid_t pid, void *data, struct error *err);
	void *place_data;
	/* As pid 1 got them. */
	struct tune tune;
	const struct ctr_rlimit *rlimits;
	unsigned n_rlimits;
};

int ctr_exec(const struct ctr_exec *req, struct proc *ret, int *ret_pty_master,
	     struct error *err) _nodiscard_;

/* Capabilities by name ("CAP_NET_ADMIN", "net_admin", "ALL"); default set as podman's 11. */
extern const uint64_t caps_default;
int caps_parse(const char *name, uint64_t *ret, struct error *err) _nodiscard_;
/* "NET_ADMIN", or NULL. */
const char *caps_name(unsigned n);

/* "SIGTERM", "TERM", "15", "SIGRTMIN+3" -> number. */
int signal_parse(const char *s, int *ret, struct error *err) _nodiscard_;

/* Is sig neither caught, nor blocked, nor waited for by this process? Then pid 1 of a pid namespace
 * never sees it and a stop need not wait. What cannot be looked at is not lost. */
bool signal_is_lost(pid_t pid, int sig);
/* The same for whoever holds the process's status, syscall and stat of /proc/PID. It may take 0.2
 * s, where the process runs or wants to: without the last (-1) that counts as not lost. */
bool signal_is_lost_by(int status_fd, int syscall_fd, int stat_fd, int sig);
