/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/untar.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "storage/fault.h"
#include "storage/sidecar.h"
#include "storage/tar.h"
#include "storage/tarsplit.h"
#include "storage/untar_tree.h"

/* #syscalls:unpack write lseek ftruncate umask */

/* The piece that the source has lent, and how much of it is not used yet. */
struct stream {
	untar_source source;
	void *ctx;
	const unsigned char *p;
	size_t left;
	bool ended; /* the source is asked no more: it would wait for a writer that is done */
	struct tarsplit *split; /* what is copied or skipped is not in the tree */
};

/* 1: there is something at s->p; 0: end. */
static int stream_more(struct stream *s)
{
	while (s->left == 0) {
		int r;

		if (s->ended)
			return 0;
		r = s->source(s->ctx, &s->p, &s->left);
		s->ended = r == 0;
		if (r < 0)
			return r;
	}
	return 1;
}

/* How much came of n bytes, or -errno. The copy is what makes shared memory safe to look at. */
static ssize_t stream_copy(struct stream *s, void *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		int r = stream_more(s);
		size_t k;

		if (r < 0)
			return r;
		if (r == 0)
			break;
		k = n - done < s->left ? n - done : s->left;
		memcpy((char *)to + done, s->p, k);
		r = tarsplit_bytes(s->split, (char *)to + done, k);
		if (r < 0)
			return r;
		s->p += k;
		s->left -= k;
		done += k;
	}
	return (ssize_t)done;
}

/* -ENODATA at an early end. */
static int stream_skip(struct stream *s, uint64_t n)
{
	while (n) {
		int r = stream_more(s);
		size_t k;

		if (r <= 0)
			return r < 0 ? r : -ENODATA;
		k = n < s->left ? (size_t)n : s->left;
		r = tarsplit_bytes(s->split, s->p, k);
		if (r < 0)
			return r;
		s->p += k;
		s->left -= k;
		n -= k;
	}
	return 0;
}

/* Some writers leave out the padding of the last file. */
static int stream_skip_padding(struct stream *s, uint64_t body)
{
	int r = stream_skip(s, tar_padding(body));

	return r == -ENODATA ? 0 : r;
}

/* The next n bytes into fd, from where it stands: -errno of the stream or of the file. hash may be
 * NULL. */
static int stream_write(struct stream *s, int fd, uint64_t n, const struct hash *hash)
{
	while (n) {
		int r = stream_more(s);
		size_t k;

		if (r <= 0)
			return r < 0 ? r : -ENODATA;
		k = n < s->left ? (size_t)n : s->left;
		r = fd_write_all(fd, s->p, k);
		if (r == 0 && hash)
			r = hash->ops->update(hash->ctx, s->p, k);
		if (r < 0)
			return r;
		s->p += k;
		s->left -= k;
		n -= k;
	}
	return 0;
}

struct untar {
	struct stream stream;
	struct tar_parser *parser;
	struct untar_tree *tree;
	struct untar_stats *stats;
	struct untar_limits limits;
	int (*admit)(void *ctx, uint64_t bytes, struct error *err);
	const struct hash *hash; /* NULL: no content digests */
	uint64_t holes;		 /* bytes of them that were hashed */
};

static int hash_zeros(const struct hash *hash, uint64_t n)
{
	static const unsigned char zeros[16 << 10];
	int r = 0;

	while (hash && n && r == 0) {
		size_t k = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		r = hash->ops->update(hash->ctx, zeros, k);
		n -= k;
	}
	return r;
}

static int write_sparse(struct untar *u, const struct tar_entry *e, int fd, const struct hash *hash)
{
	uint64_t at = 0;
	int r;

	if (ftruncate(fd, (off_t)e->size) < 0)
		return -errno;
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct tar_segment *seg = &e->segments[i];

		if (seg->length == 0)
			continue;
		if (lseek(fd, (off_t)seg->offset, SEEK_SET) < 0)
			return -errno;
		r = hash_zeros(hash, seg->offset - at);
		if (r == 0)
			r = stream_write(&u->stream, fd, seg->length, hash);
		if (r < 0)
			return r;
		at = seg->offset + seg->length;
	}
	return hash_zeros(hash, e->size - at);
}

/* NULL where there is none for this file. */
static const struct hash *hash_for(struct untar *u, const struct tar_entry *e)
{
	uint64_t holes = e->is_sparse ? e->size - e->body : 0;

	if (!u->hash || holes > UNTAR_HOLES_MAX - u->holes)
		return NULL;
	u->holes += holes;
	return u->hash;
}

static int write_data(struct untar *u, const struct tar_entry *e, int fd, uint8_t ret_sha256[32])
{
	const struct hash *hash = hash_for(u, e);
	int r = hash ? hash->ops->init(hash->ctx) : 0;

	if (r == 0)
		r = e->is_sparse ? write_sparse(u, e, fd, hash)
				 : stream_write(&u->stream, fd, e->body, hash);
	if (r == 0 && hash)
		r = hash->ops->final(hash->ctx, ret_sha256);
	return r;
}

/* Where the data of this entry are, for who makes the archive again. */
static int split_data(struct untar *u, const struct tar_entry *e)
{
	int r;

	if (e->body == 0)
		return 0;
	r = tarsplit_file(u->stream.split, untar_tree_path(u->tree));
	if (r == 0 && !e->is_sparse)
		return tarsplit_data(u->stream.split, 0, e->body);
	for (size_t i = 0; r == 0 && i < e->n_segments; i++)
		if (e->segments[i].length)
			r = tarsplit_data(u->stream.split, e->segments[i].offset,
					  e->segments[i].length);
	return r;
}

static int data_error(const struct tar_entry *e, int code, struct error *err)
{
	if (code == -ENODATA)
		return error_set(err, code, "layer archive ends inside entry %s", e->path);
	error_code(err, code, "unpack layer entry %s", e->path);
	store_error_full(err, code);
	return code;
}

static int add_entry(struct untar *u, struct error *err)
{
	const struct tar_entry *e = tar_parser_entry(u->parser);
	_cleanup_(fd_closep) int fd = -1;
	uint8_t sha256[32] = { 0 };
	int r;

	if (++u->stats->entries > u->limits.entries)
		return error_set(err, -EFBIG, "layer has more than %llu entries",
				 (unsigned long long)u->limits.entries);
	if (e->body > u->limits.total_bytes - u->stats->bytes)
		return error_set(err, -EFBIG, "layer has more than %llu bytes",
				 (unsigned long long)u->limits.total_bytes);
	if (u->admit) {
		r = u->admit(u->stream.ctx, u->stats->bytes + e->body, err);
		if (r < 0)
			return r;
	}
	u->stats->bytes += e->body;
	r = untar_tree_add(u->tree, e, &fd, err);
	if (r < 0)
		return r;
	if (fd < 0) {
		r = stream_skip(&u->stream, e->body);
		if (r < 0)
			return data_error(e, r, err);
	} else {
		r = write_data(u, e, fd, sha256);
		if (r == 0)
			r = split_data(u, e);
		if (r < 0)
			return data_error(e, r, err);
		r = untar_tree_close(u->tree, e, TAKE_FD(fd), sha256, err);
		if (r < 0)
			return r;
	}
	r = stream_skip_padding(&u->stream, e->body);
	return r < 0 ? data_error(e, r, err) : 0;
}

static int read_ext(struct untar *u)
{
	size_t size;
	char *body = tar_parser_ext(u->parser, &size);
	ssize_t n = stream_copy(&u->stream, body, size);
	int r;

	if (n < 0)
		return (int)n;
	if ((size_t)n < size)
		return -ENODATA;
	r = stream_skip(&u->stream, tar_padding(size));
	return r < 0 ? r : tar_parser_ext_done(u->parser);
}

static int archive_error(struct untar *u, int code, struct error *err)
{
	const char *why = tar_parser_why(u->parser);

	if (code == -ENODATA)
		return error_set(err, code, "layer archive ends early, after %llu entries",
				 (unsigned long long)u->stats->entries);
	if (*why)
		return error_set(err, code, "layer archive, entry %llu %s: %s",
				 (unsigned long long)u->stats->entries + 1,
				 tar_parser_entry(u->parser)->path ?: "", why);
	return error_code(err, code, "read layer archive");
}

/* One block and what it asks for. 1 = go on, 0 = end. */
static int step(struct untar *u, struct error *err)
{
	unsigned char block[TAR_BLOCK];
	ssize_t n = stream_copy(&u->stream, block, sizeof(block));
	int r;

	if (n < 0)
		return error_code(err, (int)n, "read layer archive");
	if (n == 0) {
		r = tar_parser_eof(u->parser);
		return r < 0 ? archive_error(u, r, err) : 0;
	}
	if (n < TAR_BLOCK)
		return archive_error(u, -ENODATA, err);
	r = tar_parser_block(u->parser, block);
	if (r == TAR_WANT_EXT) {
		r = read_ext(u);
		if (r >= 0)
			return 1;
	}
	if (r < 0)
		return archive_error(u, r, err);
	if (r == TAR_END)
		return 0;
	if (r == TAR_ENTRY) {
		r = add_entry(u, err);
		if (r < 0)
			return r;
	}
	return 1;
}

/* The sidecar, with what makes the archive again where the tree has kept all data of it. */
static int finish(struct untar *u, struct error *err)
{
	struct tarsplit_part part;
	int r = 0;

	if (!untar_tree_lost_data(u->tree)) {
		r = tarsplit_end(u->stream.split, &part);
		if (r < 0)
			return store_error(err, r, "write the record of the layer's archive");
	}
	return untar_tree_finish(u->tree, r ? &part : NULL, err);
}

static int run(struct untar *u, struct error *err)
{
	int r;

	while ((r = step(u, err)) > 0)
		;
	if (r < 0)
		return r;
	/* To the end: the caller's digest covers what follows the archive. */
	while ((r = stream_more(&u->stream)) > 0) {
		r = stream_skip(&u->stream, u->stream.left);
		if (r < 0)
			break;
	}
	if (r < 0)
		return error_code(err, r, "read layer archive");
	return finish(u, err);
}

int untar_run(const struct untar_request *req, struct untar_stats *ret, struct error *err)
{
	_cleanup_(tar_parser_freep) struct tar_parser *parser = tar_parser_new();
	_cleanup_(untar_tree_freep) struct untar_tree *tree = NULL;
	_cleanup_(tarsplit_freep) struct tarsplit *split = NULL;
	struct untar_stats stats = { 0 };
	struct untar u = { .stream = { .source = req->source, .ctx = req->ctx },
			   .parser = parser,
			   .stats = &stats,
			   .limits = req->limits,
			   .admit = req->admit,
			   .hash = req->hash };
	mode_t mask;
	int r;

	if (!u.limits.entries)
		u.limits.entries = UNTAR_ENTRIES_MAX;
	if (!u.limits.split_bytes)
		u.limits.split_bytes = UNTAR_SPLIT_MAX;
	if (!u.limits.total_bytes)
		u.limits.total_bytes = UNTAR_TOTAL_MAX;
	r = tarsplit_new(req->dirfd, req->squeeze, u.limits.split_bytes, &split);
	if (r < 0)
		return store_error(err, r, "make a temporary file for the layer's archive");
	u.stream.split = split;
	/* Modes are the archive's, so that most files need no chmod. */
	mask = umask(0);
	r = untar_tree_new(req, &stats, &tree, err);
	u.tree = tree;
	if (r == 0)
		r = run(&u, err);
	(void)umask(mask); /* cannot fail */
	if (r == 0)
		*ret = stats;
	return r;
}

int untar_seal(int dirfd, const struct digest *diff_id, const struct digest *compressed,
	       uint64_t compressed_size, struct error *err)
{
	return sidecar_seal(dirfd, diff_id, compressed, compressed_size, err);
}
