/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"
#include "base/str.h"
#include "storage/dirstack.h"
#include "storage/sidecar.h"
#include "storage/tar.h"
#include "storage/untar.h"

/* Inside of untar_tree.c (what entries become) and untar_walk.c (how their place is found). */
struct untar_tree {
	const struct untar_request *req;
	struct untar_stats *stats;
	struct sidecar_writer *writer;
	int dirfd; /* wrapper, borrowed */
	int fd;	   /* tree */
	uid_t uid; /* who owns what we make */
	gid_t gid;
	struct dirstack stack;
	struct strv devices; /* paths of devices that were recorded, for links to them */
	uint8_t *xattrs;     /* encoded, for the record */
	uint32_t xattrs_len;

	/* the entry at hand */
	char path[TAR_PATH_MAX]; /* cleaned */
	char link[TAR_PATH_MAX]; /* cleaned, hard links */
	char full[TAR_PATH_MAX]; /* physical */
	char leaf[NAME_MAX + 1];
	char walk[TAR_PATH_MAX]; /* what is left after a symlink */
	int base;		 /* parent, borrowed from the stack */
	uint32_t uid_disk, gid_disk, mode_disk;
	uint32_t ids_used; /* all owners so far are less */
	uint32_t flags;	   /* of the record */

	bool lost_data; /* something with data was removed again */
};

#define UNTAR_WHITEOUT	    ".wh."
#define UNTAR_WHITEOUT_META ".wh..wh."

enum {
	UNTAR_IMPLIED_MODE = 0755,
};

/* Names that are legal in tar but not in a tree of ours. */
enum untar_clean {
	UNTAR_CLEAN_OK,
	UNTAR_CLEAN_SKIP, /* below aufs' own directories */
};

/* "./a//b/" -> "a/b". enum untar_clean; -EBADMSG for names that no layer may have. */
int untar_clean_path(const char *path, char out[TAR_PATH_MAX]) _nodiscard_;
/* dir "/" name, or name where dir is "" */
int untar_join(char out[TAR_PATH_MAX], const char *dir, const char *name) _nodiscard_;
/* A record of a directory that the archive did not name, or not yet; e lends the time. */
int untar_record_implied(struct untar_tree *t, const char *path,
			 const struct tar_entry *e) _nodiscard_;
/* Mark the directory base/name, which is `full` in the tree. */
int untar_set_opaque(struct untar_tree *t, int base, const char *name,
		     const char *full) _nodiscard_;
/* Remove what stands there. 1: it was a whiteout, a directory in its place must hide what is
 * below. */
int untar_make_room(struct untar_tree *t, int base, const char *name) _nodiscard_;
/*
 * Walk along path[0..n), clean; directories that are missing are made. The top of t->stack, or
 * -errno. Its path is the physical one.
 */
int untar_enter(struct untar_tree *t, const char *path, size_t n,
		const struct tar_entry *e) _nodiscard_;
