/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "base/str.h"
#include "oci/digest.h"
#include "storage/fault.h"

/*
 * The store: plain files below one directory (doc/format-store.md). Readers take no lock and never
 * wait for a writer. Everything is reached by descriptors below root_fd; no absolute path is
 * stored in it.
 */
struct store {
	char *path;    /* as opened, for messages */
	int root_fd;   /* O_RDONLY | O_DIRECTORY */
	char uuid[37]; /* of the marker file */
	/*
	 * Node-local runtime directory of this store, O_PATH: <runtime>/<16 hex>, a hash of uuid
	 * and inode (a copied store is another store; socket paths are short). -1 only for a
	 * STORE_READONLY store on a host without a usable one.
	 */
	int runtime_fd;
	char *runtime_path;
	char node[ID_NODE_LEN + 1]; /* id_node() */
	int claims_fd;		    /* staging directory of this process, or -1 */
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

/* Open a directory of the store ("layers"). -errno. */
int store_dir(struct store *s, const char *name) _nodiscard_;
/* Append the names in `dir` below dirfd; an absent directory has none. -errno. */
int store_names(int dirfd, const char *dir, struct strv *ret) _nodiscard_;

/*
 * The store lock, waiting; close the descriptor to let go. Who makes or removes names, image
 * records and claims holds it for some milliseconds, never across the network. Readers never.
 */
int store_lock(struct store *s, struct error *err) _nodiscard_;

/*
 * A staging directory of this process: staging/<node>-<pid>-<random>, mode 0700, locked for as long
 * as *ret_lock is open, so that the next command's sweep (store_sweep) removes what a dead one
 * left. The name goes to buf. Every command that changes images has one: it also holds the claims
 * (storage/layer.h), and a dead one tells the sweep that something may be unreferenced.
 */
enum {
	STORE_STAGING_NAME_MAX = 64,
};
int store_staging_new(struct store *s, char name[STORE_STAGING_NAME_MAX], int *ret_dirfd,
		      int *ret_lock, struct error *err) _nodiscard_;
/* The normal end: what is left in it goes to trash, the lock is closed. */
void store_staging_end(struct store *s, const char *name, int lock);

/* Move `name` below dirfd (a wrapper directory of ours) into trash/: instant, any content. */
int store_trash(struct store *s, int dirfd, const char *name, struct error *err) _nodiscard_;

/* Claim a layer or blob for the staging directory of this process, if it has one (layer_claim). */
int store_claim(struct store *s, const struct digest *d, struct error *err) _nodiscard_;

/* blobs/sha256/<hex>: manifests and configs. Put is idempotent and durable; the caller has verified
 * the bytes and has a staging directory (the blob is claimed until an image record names it). */
int store_blob_put(struct store *s, const struct digest *d, const void *p, size_t n,
		   struct error *err) _nodiscard_;
int store_blob_read(struct store *s, const struct digest *d, size_t max, char **ret,
		    size_t *ret_len, struct error *err) _nodiscard_;
