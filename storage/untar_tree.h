/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "storage/tar.h"
#include "storage/tarsplit.h"
#include "storage/untar.h"

/* The file system half of untar: entries in, a tree and its sidecar out. */
struct untar_tree;

int untar_tree_new(const struct untar_request *req, struct untar_stats *stats,
		   struct untar_tree **ret, struct error *err) _nodiscard_;
void untar_tree_free(struct untar_tree *t);
static inline void untar_tree_freep(struct untar_tree **t)
{
	untar_tree_free(*t);
}

/*
 * Put one entry into the tree. For a regular file *ret_fd is where its data belongs, then
 * untar_tree_close(); for everything else -1, done.
 */
int untar_tree_add(struct untar_tree *t, const struct tar_entry *e, int *ret_fd,
		   struct error *err) _nodiscard_;
/* Owner, mode, xattrs and times after the data; closes fd in any case. sha256 of the data: zeros
 * where it is not known. */
int untar_tree_close(struct untar_tree *t, const struct tar_entry *e, int fd,
		     const uint8_t sha256[32], struct error *err) _nodiscard_;
/* Where in the tree the last entry is. */
const char *untar_tree_path(const struct untar_tree *t);
/* Were data removed again, by a path that came twice? */
bool untar_tree_lost_data(const struct untar_tree *t);
/* Write the sidecar; then directory times and set-id bits, from it. part may be NULL. */
int untar_tree_finish(struct untar_tree *t, const struct tarsplit_part *part,
		      struct error *err) _nodiscard_;
