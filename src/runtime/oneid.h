/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"
#include "runtime/idmap.h"
#include "runtime/users.h"

/*
 * Containers with one id (tiers B and C of DESIGN 5): nobody else can be become, groups cannot be
 * changed, and what stands in for that.
 */

/* What the process that sets up a container is in it. */
struct ids {
	bool single; /* N maps this one alone */
	uid_t uid;
	gid_t gid;
	enum dcode why; /* as in struct idmap; DCODE_NONE: --here */
};

/* Take them for real, effective and saved; all capabilities stay. */
int ids_take(const struct ids *ids) _nodiscard_;

/* Those of a running container, from the map of its pid 1 as the host sees it; not `why`. */
int ids_read(pid_t pid, struct ids *ret, struct error *err) _nodiscard_;

/*
 * Choose N's one id for this user of the image: root, or the caller's own number. Any other one is
 * an error where it was asked for (-u), and root with a warning where the image names it. Nothing
 * to do for a full map.
 */
int ids_choose(const struct idmap *map, bool asked, struct user *u, struct ids *ret,
	       struct error *err) _nodiscard_;

/* --here: the caller's number is N's one id, and the user. */
void ids_here(uid_t uid, gid_t gid, const char *home, struct user *u, struct ids *ret);

/* The same where N is there already. */
int ids_fit(const struct ids *ids, bool asked, struct user *u, struct error *err) _nodiscard_;

/* A file that is bound into a container whose root gets answers, where the image has `dir`. */
struct oneid_file {
	const char *dir, *name, *target, *text;
};

/* The one after `last`, or the first; NULL at the end. */
const struct oneid_file *oneid_next_file(int root, const struct oneid_file *last);
