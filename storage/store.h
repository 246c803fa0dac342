/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/digest.h"

/*
 * The store: plain files below one directory (doc/format-store.md). Readers take no lock and never
 * wait for a writer. Everything is reached by descriptors below root_fd; no absolute path is
 * stored in it.
 */
struct store {
	char *path;	/* as opened, for messages */
	int root_fd;	/* O_RDONLY | O_DIRECTORY */
	char uuid[37];	/* of the marker file */
	int runtime_fd; /* node-local runtime directory of this store: <runtime>/<uuid>, O_PATH */
	char *runtime_path;
};

enum store_flags {
	STORE_CREATE = 1 << 0,	 /* make it when absent; the default for writers */
	STORE_READONLY = 1 << 1, /* readers: an absent store is -ENOENT, nothing is written */
};

int store_open(const char *path, enum store_flags flags, struct store **ret,
	       struct error *err) _nodiscard_;
void store_close(struct store *s);
static inline void store_closep(struct store **s)
{
	store_close(*s);
}

/*
 * A staging directory of this process: staging/<node>-<pid>-<random>, mode 0700, locked for as long
 * as *ret_lock is open, so that the next command's sweep (store_sweep) removes what a dead one
 * left. The name goes to buf.
 */
enum {
	STORE_STAGING_NAME_MAX = 64,
};
int store_staging_new(struct store *s, char name[STORE_STAGING_NAME_MAX], int *ret_dirfd,
		      int *ret_lock, struct error *err) _nodiscard_;

/* Move `name` below dirfd (a wrapper directory of ours) into trash/: instant, any content. */
int store_trash(struct store *s, int dirfd, const char *name, struct error *err) _nodiscard_;

/* blobs/sha256/<hex>: manifests and configs. Put is idempotent; the caller has verified. */
int store_blob_put(struct store *s, const struct digest *d, const void *p, size_t n,
		   struct error *err) _nodiscard_;
int store_blob_read(struct store *s, const struct digest *d, size_t max, char **ret,
		    size_t *ret_len, struct error *err) _nodiscard_;
