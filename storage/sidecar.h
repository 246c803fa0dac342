/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/id.h"
#include "base/mem.h"
#include "oci/digest.h"
#include "storage/hash.h"

/*
 * `meta`: what the archive of a layer said, one file beside the tree (doc/format-layer.md). It is
 * the truth about owners, devices and attributes that the tree cannot hold.
 */
#define SIDECAR_NAME "meta"

enum sidecar_mark {
	SIDECAR_DURABLE = 1 << 0, /* a syncfs after the publish succeeded */
	SIDECAR_SEALED = 1 << 1,  /* both digests were verified */
	SIDECAR_CONTENT = 1 << 2, /* content digests of regular files are filled in */
};

enum sidecar_owner {
	SIDECAR_OWNER_SINGLE = 0, /* every file is ours, owners are only here */
	SIDECAR_OWNER_MAP = 1,
};

struct sidecar_counts {
	uint64_t entries, files, dirs, links, symlinks, devices, fifos, whiteouts, opaques;
	uint64_t squashed, skipped_xattrs;
};

struct sidecar_header {
	uint32_t version;
	unsigned marks; /* enum sidecar_mark */
	struct digest diff_id, compressed;
	uint64_t compressed_size;
	uint64_t size; /* bytes of regular files, hard links once */
	struct sidecar_counts counts;
	char boot[ID_BOOT_LEN + 1];
	uint32_t owner; /* enum sidecar_owner */
	uint32_t id_count;
	uint32_t map_uid0, map_uid1, map_gid0, map_gid1;
	/* All owners in the tree are less than ids_used; owners_digest() of so many. 0: not
	 * recorded. */
	uint32_t ids_used;
	uint64_t map_digest;
};

enum sidecar_entry_flags {
	SIDECAR_IMPLIED = 1 << 0,  /* a directory that the archive did not name */
	SIDECAR_SQUASHED = 1 << 1, /* on disk it has another owner */
	SIDECAR_WHITEOUT = 1 << 2, /* char 0:0 on disk */
	SIDECAR_OPAQUE = 1 << 3,   /* user.overlay.opaque=y on disk */
	SIDECAR_HARDLINK = 1 << 4, /* to `link`; other fields are those of the target */
	SIDECAR_SPARSE = 1 << 5,
	SIDECAR_NOT_MADE = 1 << 6,   /* a device: only here */
	SIDECAR_XATTR_LESS = 1 << 7, /* xattrs that the tree should have but could not be set */
};

struct sidecar_entry {
	const char *path; /* relative, clean; "" is the root itself */
	uint32_t path_len;
	const char *link; /* symlink or hard link target, "" = none */
	uint32_t link_len;
	uint32_t mode; /* with the file type */
	uint32_t flags;
	uint64_t uid, gid; /* as in the archive */
	uint64_t size;
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t major, minor;
	uint32_t group;	       /* hard links of one file share a number, 0 = no others */
	const uint8_t *xattrs; /* encoded, see sidecar_xattr_next() */
	uint32_t xattrs_len;
	uint8_t sha256[32]; /* of a regular file, zeros = not recorded */
};

struct sidecar_xattr {
	const char *name; /* not terminated */
	uint32_t name_len;
	const uint8_t *value;
	uint32_t value_len;
};

/* What an owner of the archive is on disk, where a map has id_count ids from 0. */
static inline uint32_t sidecar_disk_id(uint64_t id, uint32_t id_count)
{
	uint32_t nobody = 65534;

	if (id < id_count)
		return (uint32_t)id;
	return id_count > nobody ? nobody : id_count ? id_count - 1 : 0;
}

/*
 * What a mode of the archive is on disk: a set-id bit is for an owner, and where a file's owner is
 * another one on disk it would give what the image never meant to (at is setuid daemon, not root).
 * A directory's set-gid bit gives nobody anything.
 */
static inline uint32_t sidecar_disk_mode(uint32_t mode, uint64_t uid, uint64_t gid,
					 uint32_t id_count)
{
	if (!S_ISDIR(mode) && sidecar_disk_id(uid, id_count) != uid)
		mode &= ~(uint32_t)S_ISUID;
	if (!S_ISDIR(mode) && sidecar_disk_id(gid, id_count) != gid)
		mode &= ~(uint32_t)S_ISGID;
	return mode;
}

struct sidecar;

/* Only the first block: cheap, for readers that trust the layer. -EBADMSG when torn. */
int sidecar_read_header(int dirfd, struct sidecar_header *ret, struct error *err) _nodiscard_;

/* Map all of it and check the checksum and every record. -EBADMSG when torn or not ours. */
int sidecar_open(int dirfd, struct sidecar **ret, struct error *err) _nodiscard_;
/* The same over memory that outlives *ret. */
int sidecar_parse(const void *p, size_t n, struct sidecar **ret, struct error *err) _nodiscard_;
void sidecar_close(struct sidecar *s);
static inline void sidecar_closep(struct sidecar **s)
{
	sidecar_close(*s);
}
const struct sidecar_header *sidecar_get_header(const struct sidecar *s);
size_t sidecar_count(const struct sidecar *s);
/* Entries are sorted: a directory, then all below it. Strings are borrowed. */
void sidecar_get(const struct sidecar *s, size_t i, struct sidecar_entry *ret);
/* -ENOENT */
int sidecar_find(const struct sidecar *s, const char *path, size_t *ret) _nodiscard_;

/* What of the archive is not in the tree: the plain form's commands, maybe compressed. */
struct sidecar_tarsplit {
	unsigned codec;	    /* enum squeeze_codec, or a later one */
	uint64_t plain_len; /* after decompression */
	const uint8_t *p;   /* borrowed */
	size_t len;
};
/* -ENOENT: it was not recorded, the archive cannot be made again. */
int sidecar_get_tarsplit(const struct sidecar *s, struct sidecar_tarsplit *ret) _nodiscard_;
/* Step through the xattrs: *pos from 0; false at the end. */
bool sidecar_xattr_next(const struct sidecar_entry *e, uint32_t *pos, struct sidecar_xattr *ret);

/*
 * Compare a tree with its sidecar: type, mode, size, mtime, link targets, and owners as seen by a
 * caller in the outer user namespace; content where the record has its digest and hash is not NULL.
 * -EUCLEAN with the first difference in err.
 */
int sidecar_verify_tree(const struct sidecar *s, int tree_fd, const struct hash *hash,
			struct error *err) _nodiscard_;

/* Rewrite the first block in place: one disk sector, so that it is old or new. Durable fsyncs. */
int sidecar_set_durable(int dirfd, struct error *err) _nodiscard_;
int sidecar_seal(int dirfd, const struct digest *diff_id, const struct digest *compressed,
		 uint64_t compressed_size, struct error *err) _nodiscard_;

/* The writer: entries in the archive's order, sorted and merged by sidecar_writer_finish(). */
struct sidecar_writer;

int sidecar_writer_new(int dirfd, struct sidecar_writer **ret, struct error *err) _nodiscard_;
void sidecar_writer_free(struct sidecar_writer *w);
static inline void sidecar_writer_freep(struct sidecar_writer **w)
{
	sidecar_writer_free(*w);
}
/* A path that comes again replaces; what is no directory removes all below it. */
int sidecar_writer_add(struct sidecar_writer *w, const struct sidecar_entry *e) _nodiscard_;
/* Marks a directory that was or will be added as opaque. */
int sidecar_writer_opaque(struct sidecar_writer *w, const char *path, size_t n) _nodiscard_;
/* Makes `meta` from all entries; `h` gives owner state and skipped_xattrs, counts are made here. */
int sidecar_writer_finish(struct sidecar_writer *w, const struct sidecar_header *h,
			  struct error *err) _nodiscard_;

/* Before finish: the first len bytes of fd, borrowed, become the tarsplit section. */
void sidecar_writer_tarsplit(struct sidecar_writer *w, unsigned codec, uint64_t plain_len, int fd,
			     uint64_t len);
/* An unlinked file in dirfd. */
int sidecar_temp(int dirfd) _nodiscard_;

/* Append one xattr in the encoded form to buf; -EFBIG when it is full. */
int sidecar_xattr_add(uint8_t *buf, size_t size, uint32_t *len, const char *name, size_t name_len,
		      const void *value, size_t value_len) _nodiscard_;
