/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/cgroupfs.h"
#include "storage/container.h"

/*
 * How src/cli hands a started container to libexec/carrel/supervisor: descriptors by number at
 * exec, and one struct super_start in a memory file. The supervisor is the process that cloned
 * pid 1 (it was a child of the CLI until the exec), so it is pid 1's parent. It starts inside the
 * outer user namespace.
 */
enum super_fd {
	SUPER_START_FD = 3,   /* struct super_start */
	SUPER_DIR_FD = 4,     /* containers/<id> */
	SUPER_STATE_FD = 5,   /* `state.next` in it, open for writing */
	SUPER_LOG_FD = 6,     /* `log` in it, open for appending */
	SUPER_LISTEN_FD = 7,  /* attach socket; listen(2) was called before the exec */
	SUPER_RUNTIME_FD = 8, /* directory of the attach socket */
	SUPER_PIDFD = 9,      /* pid 1 */
	SUPER_IN_FD = 10,     /* to the container's stdin, or the pty's master; or absent */
	SUPER_OUT_FD = 11,    /* from its stdout, or the pty's master */
	SUPER_ERR_FD = 12,    /* from its stderr; absent with a pty */
	SUPER_CLIENT_FD = 13, /* the `run` that waits; or absent */
	SUPER_NET_FD = 14,  /* control socket of the netstack: open as long as we live; or absent */
	SUPER_LOCK_FD = 15, /* the lock for life */
	SUPER_JANITOR_FD = 16,	/* its end of file tells the janitor; or absent */
	SUPER_DONE_FD = 17,	/* its end of file tells the `run` that waits; or absent */
	SUPER_OOM_FD = 18,	/* memory.events (runtime/oom.h), read at the end; or absent */
	SUPER_CGROUP_FD = 19,	/* directory that holds the container's cgroup; or absent */
	SUPER_CGEVENTS_FD = 20, /* cgroup.events of it, absent with that */
	SUPER_SERVER_FD = 21,	/* pidfd of the root file system's process (rootfs.h); or absent */
	SUPER_WATCHDOG_FD = 22, /* pidfd of the memory watchdog (watchctl.h); or absent */
	SUPER_NETPROC_FD = 23,	/* pidfd of the netstack, with SUPER_NET_FD; or absent */
	SUPER_STATUS_FD = 24,	/* /proc/PID/status of pid 1; or absent */
	SUPER_CHILDREN_FD = 25, /* /proc/PID/task/PID/children of pid 1; or absent */
	SUPER_SYSCALL_FD = 26,	/* /proc/PID/syscall of pid 1; or absent */
	SUPER_STAT_FD = 27,	/* /proc/PID/stat of pid 1; or absent */
	SUPER_FD_END = 28,
};

enum super_flags {
	SUPER_TTY = 1 << 0,
	SUPER_STDIN_ONCE = 1 << 1, /* stdin ends with the client of `run` or `start` */
	SUPER_IN_LEAF = 1 << 2,	   /* the cgroup that we live in is for the janitor to remove */
	SUPER_OWNED = 1 << 3,	   /* N belongs to another id than ours (ctr.h) */
};

enum {
	SUPER_START_VERSION = 8,
};

struct super_start {
	uint32_t version;
	uint32_t flags;
	uint32_t fds; /* bit n: descriptor n is there */
	uint32_t stop_signal;
	uint64_t userns_dev, userns_ino;     /* of the caller, see superctl.h */
	char socket_name[ID_LEN + 8];	     /* below SUPER_RUNTIME_FD, removed at the end */
	char cgroup_name[CGROUPFS_NAME_MAX]; /* below SUPER_CGROUP_FD */
	struct container_state state;	     /* running; the exit status is added at the end */
};
