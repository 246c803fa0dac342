/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"

/* One name: not empty, not "." or "..", no slash, at most NAME_MAX bytes. */
bool path_is_name(const char *s);
bool path_is_absolute(const char *s);

/*
 * Lexical form of an absolute container path: one leading slash, no "." or "", ".." popped (never
 * above the root), no trailing slash. -ENAMETOOLONG.
 */
int path_normalize(const char *path, char *buf, size_t size) _nodiscard_;
/* What of a path lies below a directory, by the words alone: from the slash behind it on, "" for
 * the directory itself, or NULL. Slashes at the end of `dir` do not count. */
const char *path_below(const char *path, const char *dir);

/*
 * Open a path below a directory, for names that an image, archive or container controls.
 * path_open_beneath: no symlink anywhere (openat2 BENEATH | NO_SYMLINKS | NO_MAGICLINKS).
 * path_open_in_root: symlinks are followed as if dirfd were "/" (openat2 IN_ROOT).
 * O_CLOEXEC is added. Without openat2 (before 5.6, or filtered) a walk by O_PATH | O_NOFOLLOW
 * components does the same; it follows symlinks by itself for the second form. -ELOOP, -EXDEV.
 */
int path_open_beneath(int dirfd, const char *path, int flags, mode_t mode) _nodiscard_;
int path_open_in_root(int dirfd, const char *path, int flags, mode_t mode) _nodiscard_;

/*
 * Open an absolute path that is canonical, and must still be: -ELOOP where any component, the last
 * one included, has become a link. path_first_link() tells which: the path up to it, or false.
 */
int path_open_canonical(const char *path, int flags) _nodiscard_;
bool path_first_link(const char *path, char *buf, size_t size);

/*
 * mkdir -p in the second sense; returns an O_PATH descriptor of the last directory. What a symlink
 * names and is not there is made, too, always below dirfd.
 */
int path_mkdir_in_root(int dirfd, const char *path, mode_t mode) _nodiscard_;

/* mkdir -p of a path that the user named (symlinks followed). 0 or -errno. */
int path_mkdir_all(const char *path, mode_t mode) _nodiscard_;

/* Read a small file below dirfd by one plain name (O_NOFOLLOW). -EFBIG past max. */
int path_read(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len) _nodiscard_;

/* A file of the host's, whose name nobody else controls: links are followed, and a FIFO of that
 * name is not waited for. */
int path_load(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len) _nodiscard_;

/* The first line of a short file, without its end; "" where there is none (fd_read_text()). */
int path_read_line(const char *path, char *buf, size_t size) _nodiscard_;

/* Change a file of the kernel's, by one write(2), as it wants it: no link is followed. */
int path_write_text(int dirfd, const char *path, const char *text) _nodiscard_;

/* What a symbolic link says, terminated. -ENAMETOOLONG where it does not fit. */
int path_read_link(int dirfd, const char *name, char *buf, size_t size) _nodiscard_;

/* "/proc/self/fd/N" for calls that take only paths. */
struct path_fd {
	char s[32];
};
struct path_fd path_of_fd(int fd);
/* The path of an open descriptor in this mount namespace. It need not lead there any more. */
int path_from_fd(int fd, char ret[PATH_MAX]) _nodiscard_;
