/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * All paths at which a directory is seen in this mount namespace: a file system may be mounted more
 * than once, whole or in part.
 */
struct view {
	char *path;
	uint64_t mnt_id; /* the mount that shows it */
	bool part;	 /* only something below it is seen: a mount of containers/ alone */
};

struct view_list {
	struct view *v;
	size_t n, cap;
};
void view_list_done(struct view_list *l); /* for _cleanup_() too */

/* The mounts of this namespace. */
struct views {
	struct views_row *rows;
	size_t n;
	char *text;
};
int views_load(struct views *ret, struct error *err) _nodiscard_;
/* The same from the text of mountinfo(5), which is taken. */
void views_parse(char *mountinfo, struct views *ret);
void views_done(struct views *v); /* for _cleanup_() too */

/* Appends the views of `dir`; the first one is its own. */
int views_find(const struct views *v, const char *dir, struct view_list *ret,
	       struct error *err) _nodiscard_;
/* Of a `dir` that is on the mount mnt_id. */
void views_list(const struct views *v, uint64_t mnt_id, const char *dir, struct view_list *ret);

/* Does the path lead there, or does another mount lie over it? One that is not there at the moment
 * is reached where its mount is: somebody has moved it. */
bool view_is_reached(const struct view *v);
