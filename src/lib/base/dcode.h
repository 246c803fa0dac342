/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Host findings. The numbers are API: errors end with [D-nn], `carrel doctor` prints the same
 * rows and carrel-host(7) lists them. A number is never reused.
 */
enum dcode {
	DCODE_NONE = 0,
	DCODE_USERNS_OFF = 1,	   /* user namespaces are disabled by sysctl */
	DCODE_USERNS_DENIED = 2,   /* a security module refuses or empties them */
	DCODE_NO_SUBID = 3,	   /* no range in /etc/subuid or /etc/subgid, or a short one */
	DCODE_NO_NEWIDMAP = 4,	   /* newuidmap or newgidmap is not installed */
	DCODE_NEWIDMAP_PRIV = 5,   /* they are there without privilege */
	DCODE_NO_OVERLAY = 6,	   /* the kernel or the file system refuses overlay */
	DCODE_NO_TUN = 7,	   /* /dev/net/tun cannot be opened */
	DCODE_NO_CGROUP = 8,	   /* no delegated cgroup v2 subtree */
	DCODE_STORE_FS = 9,	   /* the store's file system lacks what layers need */
	DCODE_NO_RUNTIME_DIR = 10, /* XDG_RUNTIME_DIR unusable, fallback in use */
	DCODE_CHROOT = 11,	   /* inside chroot(2): the kernel refuses user namespaces */
	DCODE_PROC_MASKED = 12,	   /* a partly hidden /proc: no new proc can be mounted */
	DCODE_NETNS_OFF = 13,	   /* network namespaces are disabled or used up */
	DCODE_NO_SECCOMP = 14,	   /* no seccomp filters */
	DCODE_STORE_WRITE = 15,	   /* the store is read-only, full or over quota */
	DCODE_PING = 16,	   /* the host's ping_group_range excludes the user */
	DCODE_KERNEL_OLD = 17,	   /* the kernel lacks a call that has no fallback yet */
	DCODE_ROOT_SUBID = 18,	   /* called by root, and root has no subuid range */
	DCODE_SUBID_CHANGED = 19,  /* layers were made under another subuid range */
	DCODE_NO_CONTROLLER = 20,  /* a cgroup controller (cpuset, io) is not delegated */
	DCODE_NO_FUSE = 21,	   /* no /dev/fuse, or fuse-overlayfs is not installed */
	DCODE_NO_LINGER = 22,	   /* the user's cgroups end at logout */
	DCODE_NOEXEC = 23,	   /* the store lies on a noexec or nosuid mount */
	DCODE_NO_PASSWD = 24,	   /* the user has no passwd entry */
	DCODE_TMP = 25,		   /* /tmp is full or cannot be written */
	DCODE_NO_SWAP_LIMIT = 26,  /* the kernel does not account swap */
	DCODE_NO_VETH = 27,	   /* no veth pairs or packet sockets for user namespaces */
	DCODE_MAX,
};

/*
 * One capability of a host. The probe itself is joined by its key (runtime/probe.h); what says the
 * code elsewhere (run, pull, explain) and carrel-host(7) read the same row.
 */
struct dcode_row {
	enum dcode code;
	const char *name;     /* "D-03" */
	const char *probe;    /* key of the probe that finds it, or DCODE_BY_CALLER */
	const char *title;    /* one line, what is the case */
	const char *lost;     /* what does not work because of it */
	const char *fallback; /* what carrel does instead; NULL: nothing */
	const char *fix;      /* what to do, an administrator's line where only root can */
	const char *manual;   /* a paragraph: the cause, how it is found, what to know */
};

/* What is done instead, for want of ids of whatever cause. */
#define DCODE_ONE_ID "one id: root inside is you; chown and su are answered, not done"

/* Found when root calls, before anything is probed. */
#define DCODE_BY_CALLER "caller"

/* NULL for DCODE_NONE and unknown numbers. The row is static. */
const struct dcode_row *dcode_get(enum dcode code);
