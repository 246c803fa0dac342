/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"

/* An owned descriptor is -1 when there is none. `_cleanup_(fd_closep) int fd = -1;` */
#define TAKE_FD(fd)               \
	({                        \
		int *_fp = &(fd); \
		int _v = *_fp;    \
		*_fp = -1;        \
		_v;               \
	})

/* Ignores -1 and keeps errno; EINTR is never retried (Linux has already freed the number). */
void fd_close(int fd);
static inline void fd_closep(int *fd)
{
	fd_close(*fd);
}

/* Everything; -EIO on a short write that made no progress. */
int fd_write_all(int fd, const void *p, size_t n) _nodiscard_;
/* Exactly n bytes, or -ENODATA at an early end. */
int fd_read_full(int fd, void *p, size_t n) _nodiscard_;
/* The beginning of a file: n bytes, or fewer where it is shorter; their number. */
ssize_t fd_read_head(int fd, void *p, size_t n) _nodiscard_;
/*
 * To the end into a fresh NUL-terminated buffer; -EFBIG past max. Never blocks on a FIFO: the
 * caller opened it, with O_NONBLOCK where an image chose the name.
 */
int fd_read_to_end(int fd, size_t max, char **ret, size_t *ret_len) _nodiscard_;
/*
 * The text of a short file, from its beginning, terminated; its length. By one call, which gives
 * whole what the kernel makes as a whole: most files of /proc; what does not fit is cut.
 */
ssize_t fd_read_text(int fd, char *buf, size_t size) _nodiscard_;

int fd_set_cloexec(int fd, bool on) _nodiscard_;
int fd_set_nonblock(int fd, bool on) _nodiscard_;
/* A CLOEXEC duplicate with a number >= 3. */
int fd_dup(int fd) _nodiscard_;
/* Pipe with both ends CLOEXEC. */
/* As much as can wait in a pipe or a terminal to be read: what is left of those who wrote to it and
 * are gone. A bound, where others may have got hold of the other end. */
size_t fd_capacity(int fd);
int fd_pipe(int ret_fds[2]) _nodiscard_;
/* Memory file with this content, sealed against change, offset 0. */
int fd_memfd(const char *name, const void *p, size_t n) _nodiscard_;
/* Make 0, 1 and 2 exist (as /dev/null), so that no later open lands on them. */
int fd_sanitize_std(void) _nodiscard_;

/*
 * SCM_RIGHTS over a connected socket: data with up to FD_PASS_MAX descriptors. fd_recv returns the
 * data length, 0 at end of file; received descriptors are CLOEXEC; superfluous ones are closed
 * and -EMSGSIZE is returned. flags as of send(2)/recv(2).
 */
enum {
	FD_PASS_MAX = 8,
};
int fd_send(int sock, const void *p, size_t n, const int *fds, size_t n_fds, int flags) _nodiscard_;
ssize_t fd_recv(int sock, void *p, size_t n, int *ret_fds, size_t *ret_n_fds,
		int flags) _nodiscard_;
