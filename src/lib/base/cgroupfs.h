/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"

/*
 * The cgroup2 hierarchy as files: small reads and single writes below a directory descriptor. What
 * is to be done with it is src/runtime/cgroup.h's; storage/ reclaims what a dead supervisor left.
 * Paths are below the mount, without a leading slash ("" is the root). No allocation; -errno.
 */
enum {
	CGROUPFS_PATH_MAX = 512,
	CGROUPFS_NAME_MAX = 80,
	CGROUPFS_TEXT_MAX = 4096, /* of one file; longer ones are cut */
};

/* "carrel-<id>": each cgroup of ours ends in the id of its container, so that nobody removes
 * another's. */
char *cgroupfs_name(const char *id, char buf[CGROUPFS_NAME_MAX]);
/* "carrel-<id>.super" beside it: where the supervising process lives, where it had to move. */
char *cgroupfs_super_name(const char *id, char buf[CGROUPFS_NAME_MAX]);

/* Directory of the mount: /sys/fs/cgroup, or `unified` in it; checked by the file system's magic.
 * -ENOENT: this host shows none. */
int cgroupfs_open_root(void) _nodiscard_;
/* Directory of a cgroup. No link can be there; another mount can, and is refused (-EXDEV). */
int cgroupfs_open(int root_fd, const char *path) _nodiscard_;

/* The file's text, terminated, into buf; its length. */
int cgroupfs_read(int dirfd, const char *file, char *buf, size_t size) _nodiscard_;
/* The same of an open file, from its beginning. */
int cgroupfs_pread(int fd, char *buf, size_t size) _nodiscard_;
/* One write(2), as these files want it. */
int cgroupfs_write(int dirfd, const char *file, const char *text) _nodiscard_;

/* Move a process into it. -EACCES: it may not be reached from where we are. */
int cgroupfs_enter(int dirfd, pid_t pid) _nodiscard_;

/* "key N" lines (memory.events, cpu.stat): -ENODATA where there is none. */
int cgroupfs_key(const char *text, const char *key, uint64_t *ret) _nodiscard_;
/* Is `word` among the blank-separated ones (cgroup.controllers)? */
int cgroupfs_has_word(const char *text, const char *word);

/* SIGKILL to every process in it and below it. */
int cgroupfs_kill(int dirfd) _nodiscard_;
/*
 * Wait until a key of its cgroup.events (open, readable) has the value, by the file's change
 * notice: "populated" 0 when no process is in it any more, "frozen". 0, or -ETIME. poll(2) and
 * pread(2) only: the supervisor calls it.
 */
int cgroupfs_wait(int events_fd, const char *key, uint64_t value, int timeout_ms) _nodiscard_;
/* Remove `name` below parent_fd and the empty cgroups in it. -ENOENT; -EBUSY: it has processes. */
int cgroupfs_remove(int parent_fd, const char *name) _nodiscard_;

/* Remove the supervisor's leaf, its processes back into the parent. False: somebody lives in it. */
bool cgroupfs_remove_super(int parent_fd, const char *id);

/*
 * What a container whose supervisor is gone has left: kills, waits, removes `path`, which must end
 * in cgroupfs_name(id), and the supervisor's leaf beside it. 0 also where nothing is there; 1: the
 * leaf stays, because somebody lives in it, and the record should go on leading to it.
 */
int cgroupfs_reclaim(const char *path, const char *id) _nodiscard_;
