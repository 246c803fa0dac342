/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: entries are appended in the archive's order to two unlinked files, encoded
 * records and their strings, so that memory does not grow with the layer. At the end both are
 * mapped, an index of 4 bytes per record is sorted by path, what was replaced is dropped, hard
 * links take over their target's fields, and `meta` is written in that order in one pass.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "storage/fault.h"
#include "storage/sidecar.h"
#include "storage/sidecar_format.h"
#include "storage/tar.h"

/* #syscalls:unpack openat unlinkat write pread64 pwrite64 mmap munmap getrandom sysinfo */

enum {
	BUFFER = 64 << 10,
	/* In temporary records only: an opaque mark for a directory, not an entry. */
	FLAG_AMEND = 1U << 31,
	LINK_CHAIN_MAX = 64,
};

/* Buffered appending to one file. */
struct out {
	int fd;
	uint64_t size; /* with what is buffered */
	size_t n;
	uint8_t *buf;
};

struct sidecar_writer {
	int dirfd; /* borrowed */
	struct out records, heap;
	uint32_t n;
	unsigned split_codec;
	uint64_t split_plain, split_len;
	int split_fd; /* borrowed, -1 = no such section */

	/* finish: */
	uint8_t *rec_map, *heap_map;
	uint32_t *index; /* sorted, then compacted */
	uint32_t n_index;
	uint32_t *groups; /* by temporary record number; NULL without hard links */
	struct out meta;
	uint32_t crc;
	struct crc32c crc_table;
};

static int out_flush(struct out *o)
{
	int r = fd_write_all(o->fd, o->buf, o->n);

	o->n = 0;
	return r;
}

static int out_add(struct out *o, const void *p, size_t n)
{
	int r;

	if (n == 0)
		return 0;
	o->size += n;
	if (o->n + n > BUFFER) {
		r = out_flush(o);
		if (r < 0)
			return r;
	}
	if (n > BUFFER)
		return fd_write_all(o->fd, p, n);
	memcpy(o->buf + o->n, p, n);
	o->n += n;
	return 0;
}

static void out_done(struct out *o)
{
	fd_close(o->fd);
	free(o->buf);
}

/* An unlinked file beside the result; O_TMPFILE is not there on NFS and old overlays. */
int sidecar_temp(int dirfd)
{
	char name[32], id[ID_TEMP_LEN + 1];
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	(void)snprintf(name, sizeof(name), ".tmp-%s", id_temp(id));
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	(void)unlinkat(dirfd, name, 0); /* at worst the staging directory has one file more */
	return fd;
}

static int out_init(struct out *o, int fd)
{
	if (fd < 0)
		return fd;
	*o = (struct out){ .fd = fd, .buf = xmalloc(BUFFER) };
	return 0;
}

int sidecar_writer_new(int dirfd, struct sidecar_writer **ret, struct error *err)
{
	_cleanup_(sidecar_writer_freep) struct sidecar_writer *w = xcalloc(1, sizeof(*w));
	int r;

	w->dirfd = dirfd;
	w->records.fd = w->heap.fd = w->meta.fd = w->split_fd = -1;
	r = out_init(&w->records, sidecar_temp(dirfd));
	if (r == 0)
		r = out_init(&w->heap, sidecar_temp(dirfd));
	if (r < 0)
		return store_error(err, r, "make a temporary file for the layer record");
	*ret = TAKE_PTR(w);
	return 0;
}

static void unmap(uint8_t *p, uint64_t n)
{
	if (p)
		(void)munmap(p, n); /* nothing to do about it */
}

void sidecar_writer_free(struct sidecar_writer *w)
{
	if (!w)
		return;
	unmap(w->rec_map, w->records.size);
	unmap(w->heap_map, w->heap.size);
	out_done(&w->records);
	out_done(&w->heap);
	out_done(&w->meta);
	free(w->index);
	free(w->groups);
	free(w);
}

static int add_string(struct sidecar_writer *w, const char *s, uint32_t n, uint64_t *ret)
{
	int r;

	*ret = w->heap.size;
	r = out_add(&w->heap, s, n);
	return r < 0 ? r : out_add(&w->heap, "", 1);
}

int sidecar_writer_add(struct sidecar_writer *w, const struct sidecar_entry *e)
{
	struct sidecar_raw_record raw = { .e = *e };
	uint8_t buf[SIDECAR_RECORD_SIZE];
	int r;

	if (w->n == UINT32_MAX)
		return -EFBIG;
	r = add_string(w, e->path, e->path_len, &raw.path_off);
	if (r == 0)
		r = add_string(w, e->link, e->link_len, &raw.link_off);
	raw.xattrs_off = w->heap.size;
	if (r == 0)
		r = out_add(&w->heap, e->xattrs, e->xattrs_len);
	if (r < 0)
		return r;
	sidecar_encode_record(&raw, buf);
	r = out_add(&w->records, buf, sizeof(buf));
	if (r == 0)
		w->n++;
	return r;
}

int sidecar_writer_opaque(struct sidecar_writer *w, const char *path, size_t n)
{
	struct sidecar_entry e = { .path = path,
				   .path_len = (uint32_t)n,
				   .link = "",
				   .mode = S_IFDIR,
				   .flags = FLAG_AMEND | SIDECAR_OPAQUE };

	return sidecar_writer_add(w, &e);
}

static void load(const struct sidecar_writer *w, uint32_t seq, struct sidecar_raw_record *ret)
{
	sidecar_decode_record(w->rec_map + (size_t)seq * SIDECAR_RECORD_SIZE, ret);
	ret->e.path = (const char *)w->heap_map + ret->path_off;
	ret->e.link = (const char *)w->heap_map + ret->link_off;
}

static void store(struct sidecar_writer *w, uint32_t seq, const struct sidecar_raw_record *raw)
{
	sidecar_encode_record(raw, w->rec_map + (size_t)seq * SIDECAR_RECORD_SIZE);
}

static int cmp_records(const void *a, const void *b, void *ctx)
{
	const struct sidecar_writer *w = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	struct sidecar_raw_record rx, ry;
	int c;

	load(w, x, &rx);
	load(w, y, &ry);
	c = sidecar_path_cmp(rx.e.path, rx.e.path_len, ry.e.path, ry.e.path_len);
	if (c)
		return c;
	return x < y ? -1 : x > y;
}

static int map_out(struct out *o, uint8_t **ret)
{
	void *p;
	int r = out_flush(o);

	if (r < 0)
		return r;
	if (o->size == 0)
		return 0;
	p = mmap(NULL, o->size, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

/* A path on the way down, and since when nothing below it counts. */
struct ancestor {
	const char *path;
	uint32_t len;
	uint64_t dead_until; /* sequence number + 1 */
};

struct ancestors {
	struct ancestor *v;
	size_t n, cap;
};

/* All records of one path, index[from..to): the last one stays unless something above replaced it.
 * Returns the sequence number or -1. */
static int64_t merge_path(struct sidecar_writer *w, uint32_t from, uint32_t to,
			  struct ancestors *up)
{
	struct sidecar_raw_record raw, keep;
	uint64_t dead_until = 0;
	int64_t last = -1;
	bool opaque = false;

	load(w, w->index[from], &raw);
	while (up->n && !sidecar_path_below(raw.e.path, raw.e.path_len, up->v[up->n - 1].path,
					    up->v[up->n - 1].len))
		up->n--;
	if (up->n)
		dead_until = up->v[up->n - 1].dead_until;
	for (uint32_t i = from; i < to; i++) {
		uint32_t seq = w->index[i];

		if (seq < dead_until)
			continue;
		load(w, seq, &raw);
		if (!S_ISDIR(raw.e.mode)) {
			dead_until = (uint64_t)seq + 1;
			opaque = false;
		}
		opaque = opaque || (raw.e.flags & SIDECAR_OPAQUE);
		if (!(raw.e.flags & FLAG_AMEND))
			last = seq;
	}
	up->v = array_grow(up->v, up->n, &up->cap, sizeof(*up->v));
	up->v[up->n++] = (struct ancestor){ raw.e.path, raw.e.path_len, dead_until };
	if (last >= 0 && opaque) {
		load(w, (uint32_t)last, &keep);
		keep.e.flags |= SIDECAR_OPAQUE;
		store(w, (uint32_t)last, &keep);
	}
	return last;
}

static void merge(struct sidecar_writer *w)
{
	struct ancestors up = { 0 };
	uint32_t out = 0, from = 0;

	while (from < w->n) {
		struct sidecar_raw_record a, b;
		uint32_t to = from + 1;
		int64_t keep;

		load(w, w->index[from], &a);
		for (; to < w->n; to++) {
			load(w, w->index[to], &b);
			if (a.e.path_len != b.e.path_len ||
			    memcmp(a.e.path, b.e.path, a.e.path_len) != 0)
				break;
		}
		keep = merge_path(w, from, to, &up);
		if (keep >= 0)
			w->index[out++] = (uint32_t)keep;
		from = to;
	}
	w->n_index = out;
	free(up.v);
}

/* Position in the final order, or -1. */
static int64_t find(const struct sidecar_writer *w, const char *path, uint32_t n)
{
	uint32_t lo = 0, hi = w->n_index;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		struct sidecar_raw_record r;
		int c;

		load(w, w->index[mid], &r);
		c = sidecar_path_cmp(r.e.path, r.e.path_len, path, n);
		if (c == 0)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

/*
 * Fields of the target, which may be a link itself. A target that was replaced after the link was
 * made is another file: then the link keeps what was read from the disk when it was made.
 */
static void resolve_link(struct sidecar_writer *w, uint32_t seq)
{
	struct sidecar_raw_record link, target;
	uint32_t at = seq;

	load(w, seq, &link);
	target = link;
	/* A link that is resolved already has its target's fields. */
	for (int i = 0; i < LINK_CHAIN_MAX && (target.e.flags & SIDECAR_HARDLINK); i++) {
		int64_t pos;

		if (at != seq && w->groups[at])
			break;
		pos = find(w, target.e.link, target.e.link_len);
		if (pos < 0 || w->index[pos] >= at)
			return;
		at = w->index[pos];
		load(w, at, &target);
	}
	if (((target.e.flags & SIDECAR_HARDLINK) && !w->groups[at]) || S_ISDIR(target.e.mode))
		return;
	target.path_off = link.path_off;
	target.e.path_len = link.e.path_len;
	if (!S_ISLNK(target.e.mode)) {
		target.link_off = link.link_off;
		target.e.link_len = link.e.link_len;
	}
	target.e.flags |= SIDECAR_HARDLINK;
	store(w, seq, &target);
	if (!w->groups[at])
		w->groups[at] = at + 1;
	w->groups[seq] = w->groups[at];
}

static void resolve_links(struct sidecar_writer *w)
{
	struct sidecar_raw_record r;

	for (uint32_t i = 0; i < w->n_index; i++) {
		load(w, w->index[i], &r);
		if (!(r.e.flags & SIDECAR_HARDLINK))
			continue;
		if (!w->groups)
			w->groups = xcalloc(w->n, sizeof(*w->groups));
		resolve_link(w, w->index[i]);
	}
}

static void count(const struct sidecar_raw_record *r, struct sidecar_header *h)
{
	struct sidecar_counts *c = &h->counts;

	c->entries++;
	c->squashed += !!(r->e.flags & SIDECAR_SQUASHED);
	c->opaques += !!(r->e.flags & SIDECAR_OPAQUE);
	if (r->e.flags & SIDECAR_HARDLINK) {
		c->links++;
		return;
	}
	switch (r->e.mode & S_IFMT) {
	case S_IFREG:
		c->files++;
		h->size += r->e.size;
		break;
	case S_IFDIR:
		c->dirs++;
		break;
	case S_IFLNK:
		c->symlinks++;
		break;
	case S_IFIFO:
		c->fifos++;
		break;
	default:
		if (r->e.flags & SIDECAR_WHITEOUT)
			c->whiteouts++;
		else
			c->devices++;
		break;
	}
}

static int meta_add(struct sidecar_writer *w, const void *p, size_t n)
{
	w->crc = crc32c_update(&w->crc_table, w->crc, p, n);
	return out_add(&w->meta, p, n);
}

/* Records with the places that their strings will have: the heap is written in the same order. */
static int write_records(struct sidecar_writer *w, struct sidecar_header *h)
{
	uint8_t buf[SIDECAR_RECORD_SIZE];
	uint64_t off = 0;

	for (uint32_t i = 0; i < w->n_index; i++) {
		uint32_t seq = w->index[i];
		struct sidecar_raw_record r;
		int rc;

		load(w, seq, &r);
		count(&r, h);
		r.path_off = off;
		r.link_off = r.path_off + r.e.path_len + 1;
		r.xattrs_off = r.link_off + r.e.link_len + 1;
		off = r.xattrs_off + r.e.xattrs_len;
		r.e.group = w->groups ? w->groups[seq] : 0;
		sidecar_encode_record(&r, buf);
		rc = meta_add(w, buf, sizeof(buf));
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int write_heap(struct sidecar_writer *w)
{
	for (uint32_t i = 0; i < w->n_index; i++) {
		struct sidecar_raw_record r;
		int rc;

		load(w, w->index[i], &r);
		rc = meta_add(w, r.e.path, (size_t)r.e.path_len + 1);
		if (rc == 0)
			rc = meta_add(w, r.e.link, (size_t)r.e.link_len + 1);
		if (rc == 0)
			rc = meta_add(w, w->heap_map + r.xattrs_off, r.e.xattrs_len);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void sidecar_writer_tarsplit(struct sidecar_writer *w, unsigned codec, uint64_t plain_len, int fd,
			     uint64_t len)
{
	w->split_codec = codec;
	w->split_plain = plain_len;
	w->split_fd = fd;
	w->split_len = len;
}

static int write_tarsplit(struct sidecar_writer *w)
{
	_cleanup_(freep) uint8_t *buf = xmalloc(BUFFER);
	uint8_t head[SIDECAR_TARSPLIT_HEAD];
	uint64_t at = 0;
	int r;

	sidecar_encode_tarsplit(w->split_codec, w->split_plain, head);
	r = meta_add(w, head, sizeof(head));
	while (r == 0 && at < w->split_len) {
		uint64_t left = w->split_len - at;
		ssize_t n =
			pread(w->split_fd, buf, left < BUFFER ? (size_t)left : BUFFER, (off_t)at);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (uint64_t)n;
		r = meta_add(w, buf, (size_t)n);
	}
	return r;
}

static int write_meta(struct sidecar_writer *w, const struct sidecar_header *h)
{
	struct sidecar_raw_header raw = { .h = *h };
	uint8_t head[SIDECAR_HEADER_SIZE] = { 0 }, trailer[SIDECAR_TRAILER_SIZE];
	uint64_t heap_at, split_at;
	int r;

	if (!raw.h.boot[0] && id_boot(raw.h.boot) < 0)
		raw.h.boot[0] = '\0'; /* then it is trusted only once it is durable */
	crc32c_init(&w->crc_table);
	r = out_add(&w->meta, head, sizeof(head));
	if (r == 0)
		r = write_records(w, &raw.h);
	heap_at = w->meta.size;
	if (r == 0)
		r = write_heap(w);
	split_at = w->meta.size;
	if (r == 0 && w->split_fd >= 0)
		r = write_tarsplit(w);
	if (r < 0)
		return r;
	raw.sections[0] = (struct sidecar_section){ SIDECAR_SECTION_RECORDS, SIDECAR_HEADER_SIZE,
						    heap_at - SIDECAR_HEADER_SIZE };
	raw.sections[1] =
		(struct sidecar_section){ SIDECAR_SECTION_HEAP, heap_at, split_at - heap_at };
	if (w->split_fd >= 0)
		raw.sections[2] = (struct sidecar_section){ SIDECAR_SECTION_TARSPLIT, split_at,
							    w->meta.size - split_at };
	sidecar_encode_trailer(w->crc, w->meta.size + SIDECAR_TRAILER_SIZE, trailer);
	r = out_add(&w->meta, trailer, sizeof(trailer));
	if (r == 0)
		r = out_flush(&w->meta);
	if (r < 0)
		return r;
	sidecar_encode_header(&raw, head);
	if (pwrite(w->meta.fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return -EIO;
	return 0;
}

int sidecar_writer_finish(struct sidecar_writer *w, const struct sidecar_header *h,
			  struct error *err)
{
	int fd, r;

	r = map_out(&w->records, &w->rec_map);
	if (r == 0)
		r = map_out(&w->heap, &w->heap_map);
	if (r < 0)
		return store_error(err, r, "write layer record %s", SIDECAR_NAME);
	w->index = xrealloc_array(NULL, (size_t)w->n + 1, sizeof(*w->index));
	for (uint32_t i = 0; i < w->n; i++)
		w->index[i] = i;
	qsort_r(w->index, w->n, sizeof(*w->index), cmp_records, w);
	merge(w);
	resolve_links(w);
	/* The directory is a fresh one of ours, nothing can stand there. */
	fd = openat(w->dirfd, SIDECAR_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	r = out_init(&w->meta, fd < 0 ? -errno : fd);
	if (r == 0)
		r = write_meta(w, h);
	if (r < 0)
		return store_error(err, r, "write layer record %s", SIDECAR_NAME);
	return 0;
}
