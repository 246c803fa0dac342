/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"

struct open_how;

/*
 * System calls without a glibc wrapper. All return -errno (not -1): no wrapper hides a fallback,
 * the callers own their ladders.
 */
int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
		uint64_t resolve) _nodiscard_;
/* Raw clone3 (5.3): 0 in the child. The child may only make async-signal-safe calls. */
int sys_clone3(struct clone_args *args, size_t size) _nodiscard_;
int sys_pivot_root(const char *new_root, const char *put_old) _nodiscard_;
int sys_seccomp(unsigned op, unsigned flags, void *args) _nodiscard_;
/* pidfd of the process that listens or has connected (6.5). */
int sys_peer_pidfd(int sock) _nodiscard_;
int sys_execveat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags);
