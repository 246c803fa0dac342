/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/* Who a container's program runs as, by the image's own /etc/passwd and /etc/group. */
enum {
	USERS_GROUPS_MAX = 256,
	USERS_FILE_MAX = 4 << 20,
	USERS_HOME_MAX = 1024,
};

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USERS_GROUPS_MAX]; /* the primary one is the first (CVE-2022-2989) */
	unsigned n_groups;
	char home[USERS_HOME_MAX]; /* "/" where the image names none */
};

/*
 * Pure: spec is "", "uid", "name", "uid:gid", "name:group"; passwd and group are the files' texts
 * or NULL. A name that is not there is -ENOENT with exit status 125.
 */
int users_resolve(const char *spec, const char *passwd, const char *group, struct user *ret,
		  struct error *err) _nodiscard_;

/* The same from the files below root_fd: bounded, never waiting (they may be FIFOs or links). */
int users_lookup(int root_fd, const char *spec, struct user *ret, struct error *err) _nodiscard_;

/* `line` and what the image has in /etc/NAME, as a new text. */
int users_with_line(int root_fd, const char *path, const char *line, char **ret,
		    struct error *err) _nodiscard_;
