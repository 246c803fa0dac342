/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/mem.h"

/*
 * A user's or group's entry in the host's database, without libc's name service, which costs a
 * start more than the container's own files do and does not go with a static program: /etc/passwd
 * first, then getent(1) for hosts whose users are elsewhere.
 */
struct account {
	char *name, *home;
};

/* -ENOENT: there is none. account_done() in any case. */
int account_get(uid_t uid, struct account *ret) _nodiscard_;
/* A passwd(5) text; only the entry itself is copied. */
int account_parse(const char *text, uid_t uid, struct account *ret) _nodiscard_;
/* The name of a group, owned by the caller. -ENOENT: it has none. */
int account_group(gid_t gid, char **ret_name) _nodiscard_;
int account_parse_group(const char *text, gid_t gid, char **ret_name) _nodiscard_;
void account_done(struct account *a); /* for _cleanup_() too */
