/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/digest.h"
#include "storage/hash.h"
#include "storage/owners.h"
#include "storage/squeeze.h"

/*
 * Hostile-safe extraction of one layer's tar stream below a directory, as root inside the outer
 * user namespace (CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETFCAP, MKNOD). Writes the tree in the form
 * that overlay reads (whiteouts char 0:0, user.overlay.opaque=y) and the sidecar `meta`.
 */
struct untar_limits {
	uint64_t entries;     /* default UNTAR_ENTRIES_MAX */
	uint64_t total_bytes; /* file data of the layer, default UNTAR_TOTAL_MAX */
	uint64_t split_bytes; /* beyond it the archive is not kept, default UNTAR_SPLIT_MAX */
};

/* Limits on names, extended headers and xattrs are in storage/tar.h, on depth in dirstack.h. */
enum {
	UNTAR_ENTRIES_MAX = 10 * 1000 * 1000,
};
#define UNTAR_TOTAL_MAX ((uint64_t)1 << 40)
/* Zeros in sparse files that are hashed for a layer's content digests: a hole costs an archive
 * nothing. Files beyond it have no digest. */
#define UNTAR_HOLES_MAX ((uint64_t)1 << 30)
/* What of an archive is kept beside the tree (storage/tarsplit.h), before compression. */
#define UNTAR_SPLIT_MAX ((uint64_t)1 << 30)

/*
 * Lends the next piece of the plain tar stream; it stays valid until the next call. 1 = a piece,
 * 0 = end, < 0 = the stream failed. Any size will do (256 KiB are good). The memory may be shared
 * with a hostile process: every header block is copied before it is looked at.
 */
typedef int (*untar_source)(void *ctx, const unsigned char **ret, size_t *ret_len);

struct untar_request {
	int dirfd; /* wrapper directory: `tree` and `meta` are made in it */
	untar_source source;
	/* May the layer have so many bytes of file data? Asked before each file is written; < 0
	 * with err ends it. NULL: yes, up to the limits. */
	int (*admit)(void *ctx, uint64_t bytes, struct error *err);
	void *ctx;
	struct untar_limits limits; /* zeros = defaults */
	/* ids of the tar are squashed to this count, recorded truly in the sidecar; 1 = all are 0
	 */
	uint32_t id_count;
	/* owner state recorded in the sidecar; NULL: none */
	const struct owners *owners;
	/* boot id (id_boot) from before the caller lost sight of /proc; NULL: read now */
	const char *boot;
	/* for the content digests of regular files; NULL: none are recorded */
	const struct hash *hash;
	/* for what of the archive is not in the tree; NULL: it is stored plain */
	const struct squeeze *squeeze;
};

struct untar_stats {
	uint64_t entries, files, dirs, links, symlinks, devices, whiteouts, opaques, bytes;
	uint64_t squashed;   /* entries whose owner is outside the map */
	uint64_t setid_less; /* of those: files that have lost a set-id bit on disk by it */
	uint64_t skipped_xattrs;
};

/*
 * Extracts all entries, reads the stream to its end (the caller's digest covers trailing zeros) and
 * leaves `meta` without digests: untar_seal() adds them and the checksum after verification.
 */
int untar_run(const struct untar_request *req, struct untar_stats *ret,
	      struct error *err) _nodiscard_;
int untar_seal(int dirfd, const struct digest *diff_id, const struct digest *compressed,
	       uint64_t compressed_size, struct error *err) _nodiscard_;
