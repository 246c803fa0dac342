/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/sidecar.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "storage/sidecar_format.h"
#include "storage/tar.h"

/* #syscalls:unpack openat fstat newfstatat pread64 mmap munmap close */

struct sidecar {
	struct sidecar_header header;
	const uint8_t *records;
	size_t n;
	const char *heap;
	uint64_t heap_len;
	const uint8_t *tarsplit; /* section, NULL = none */
	size_t tarsplit_len;
	void *map; /* munmapped by us when set */
	size_t map_len;
};

/*
 * A header that is being rewritten (sidecar_set_durable) may be seen half old, half new: reading
 * again cures that, and a torn one stays torn.
 */
static int read_header(int fd, struct sidecar_raw_header *ret)
{
	uint8_t buf[SIDECAR_HEADER_SIZE];
	int r = -EBADMSG;

	for (int i = 0; i < 3 && r == -EBADMSG; i++) {
		ssize_t n = pread(fd, buf, sizeof(buf), 0);

		if (n < 0)
			return -errno;
		r = n == (ssize_t)sizeof(buf) ? sidecar_decode_header(buf, ret) : -EBADMSG;
	}
	return r;
}

static int header_error(struct error *err, int r)
{
	if (r == -EBADMSG)
		return error_set(err, r, "layer record %s is torn", SIDECAR_NAME);
	if (r == -EOPNOTSUPP)
		return error_set(err, r, "layer record %s was written by a later carrel",
				 SIDECAR_NAME);
	return error_code(err, r, "read layer record %s", SIDECAR_NAME);
}

static int open_meta(int dirfd, int flags)
{
	int fd =
		openat(dirfd, SIDECAR_NAME, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int sidecar_read_header(int dirfd, struct sidecar_header *ret, struct error *err)
{
	_cleanup_(fd_closep) int fd = open_meta(dirfd, O_RDONLY);
	struct sidecar_raw_header raw;
	int r;

	if (fd < 0)
		return error_code(err, fd, "open layer record %s", SIDECAR_NAME);
	r = read_header(fd, &raw);
	if (r < 0)
		return header_error(err, r);
	*ret = raw.h;
	return 0;
}

static const struct sidecar_section *find_section(const struct sidecar_raw_header *raw,
						  uint32_t type)
{
	for (int i = 0; i < SIDECAR_SECTIONS_MAX; i++)
		if (raw->sections[i].type == type)
			return &raw->sections[i];
	return NULL;
}

static bool section_ok(const struct sidecar_section *s, uint64_t file_size)
{
	uint64_t end;

	return s && s->offset >= SIDECAR_HEADER_SIZE &&
	       !__builtin_add_overflow(s->offset, s->length, &end) &&
	       end <= file_size - SIDECAR_TRAILER_SIZE;
}

static bool string_ok(const struct sidecar *s, uint64_t off, uint32_t len)
{
	uint64_t end;

	return !__builtin_add_overflow(off, (uint64_t)len, &end) && end < s->heap_len &&
	       len < TAR_PATH_MAX && s->heap[end] == '\0' && !memchr(s->heap + off, '\0', len);
}

/* Relative, no empty, "." or ".." component: what the verifier walks along. */
static bool path_ok(const char *path)
{
	if (!*path)
		return true;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0 || n > 255 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (!path[n])
			return true;
		path += n + 1;
	}
}

static bool xattrs_ok(const struct sidecar *s, const struct sidecar_raw_record *r)
{
	uint64_t end, left = r->e.xattrs_len;
	const uint8_t *p;

	if (__builtin_add_overflow(r->xattrs_off, left, &end) || end > s->heap_len)
		return false;
	p = (const uint8_t *)s->heap + r->xattrs_off;
	while (left) {
		uint16_t name_len;
		uint32_t value_len;

		if (left < SIDECAR_XATTR_HEAD)
			return false;
		memcpy(&name_len, p, 2);
		memcpy(&value_len, p + 2, 4);
		name_len = le16toh(name_len);
		value_len = le32toh(value_len);
		left -= SIDECAR_XATTR_HEAD;
		if (name_len == 0 || (uint64_t)name_len + value_len > left)
			return false;
		left -= (uint64_t)name_len + value_len;
		p += SIDECAR_XATTR_HEAD + (size_t)name_len + value_len;
	}
	return true;
}

static bool mode_ok(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return (mode & ~(uint32_t)S_IFMT) <= 07777;
	default:
		return false;
	}
}

static bool records_ok(const struct sidecar *s)
{
	struct sidecar_raw_record r, last = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		sidecar_decode_record(s->records + i * SIDECAR_RECORD_SIZE, &r);
		if (!string_ok(s, r.path_off, r.e.path_len) ||
		    !string_ok(s, r.link_off, r.e.link_len) || !xattrs_ok(s, &r) ||
		    !mode_ok(r.e.mode) || !path_ok(s->heap + r.path_off) ||
		    r.e.mtime_ns >= 1000000000)
			return false;
		if (i && sidecar_path_cmp(s->heap + last.path_off, last.e.path_len,
					  s->heap + r.path_off, r.e.path_len) >= 0)
			return false;
		last = r;
	}
	return true;
}

static int parse(const uint8_t *p, size_t n, const struct sidecar_raw_header *raw,
		 struct sidecar *s)
{
	const struct sidecar_section *records = find_section(raw, SIDECAR_SECTION_RECORDS);
	const struct sidecar_section *heap = find_section(raw, SIDECAR_SECTION_HEAP);
	const struct sidecar_section *split = find_section(raw, SIDECAR_SECTION_TARSPLIT);
	size_t body_end = n - SIDECAR_TRAILER_SIZE;
	struct crc32c crc;

	if (!section_ok(records, n) || !section_ok(heap, n) ||
	    records->length % SIDECAR_RECORD_SIZE ||
	    (split && (!section_ok(split, n) || split->length < SIDECAR_TARSPLIT_HEAD)))
		return -EBADMSG;
	crc32c_init(&crc);
	if (sidecar_check_trailer(p + body_end,
				  crc32c_update(&crc, 0, p + SIDECAR_HEADER_SIZE,
						body_end - SIDECAR_HEADER_SIZE),
				  n) < 0)
		return -EBADMSG;
	s->header = raw->h;
	s->records = p + records->offset;
	s->n = records->length / SIDECAR_RECORD_SIZE;
	s->heap = (const char *)p + heap->offset;
	s->heap_len = heap->length;
	s->tarsplit = split ? p + split->offset : NULL;
	s->tarsplit_len = split ? split->length : 0;
	return records_ok(s) ? 0 : -EBADMSG;
}

int sidecar_parse(const void *p, size_t n, struct sidecar **ret, struct error *err)
{
	_cleanup_(sidecar_closep) struct sidecar *s = xcalloc(1, sizeof(*s));
	struct sidecar_raw_header raw;
	int r;

	if (n < SIDECAR_HEADER_SIZE + SIDECAR_TRAILER_SIZE)
		return header_error(err, -EBADMSG);
	r = sidecar_decode_header(p, &raw);
	if (r == 0)
		r = parse(p, n, &raw, s);
	if (r < 0)
		return header_error(err, r);
	*ret = TAKE_PTR(s);
	return 0;
}

int sidecar_open(int dirfd, struct sidecar **ret, struct error *err)
{
	_cleanup_(sidecar_closep) struct sidecar *s = xcalloc(1, sizeof(*s));
	_cleanup_(fd_closep) int fd = open_meta(dirfd, O_RDONLY);
	struct sidecar_raw_header raw;
	struct stat st;
	void *map;
	int r;

	if (fd < 0)
		return error_code(err, fd, "open layer record %s", SIDECAR_NAME);
	if (fstat(fd, &st) < 0)
		return error_sys(err, "stat layer record %s", SIDECAR_NAME);
	if (!S_ISREG(st.st_mode) ||
	    st.st_size < (off_t)(SIDECAR_HEADER_SIZE + SIDECAR_TRAILER_SIZE))
		return header_error(err, -EBADMSG);
	r = read_header(fd, &raw);
	if (r < 0)
		return header_error(err, r);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return error_sys(err, "map layer record %s", SIDECAR_NAME);
	s->map = map;
	s->map_len = (size_t)st.st_size;
	r = parse(map, s->map_len, &raw, s);
	if (r < 0)
		return header_error(err, r);
	*ret = TAKE_PTR(s);
	return 0;
}

void sidecar_close(struct sidecar *s)
{
	if (!s)
		return;
	if (s->map)
		(void)munmap(s->map, s->map_len); /* nothing to do about it */
	free(s);
}

const struct sidecar_header *sidecar_get_header(const struct sidecar *s)
{
	return &s->header;
}

size_t sidecar_count(const struct sidecar *s)
{
	return s->n;
}

void sidecar_get(const struct sidecar *s, size_t i, struct sidecar_entry *ret)
{
	struct sidecar_raw_record r;

	sidecar_decode_record(s->records + i * SIDECAR_RECORD_SIZE, &r);
	*ret = r.e;
	ret->path = s->heap + r.path_off;
	ret->link = s->heap + r.link_off;
	ret->xattrs = (const uint8_t *)s->heap + r.xattrs_off;
}

int sidecar_find(const struct sidecar *s, const char *path, size_t *ret)
{
	size_t lo = 0, hi = s->n, n = strlen(path);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct sidecar_entry e;
		int c;

		sidecar_get(s, mid, &e);
		c = sidecar_path_cmp(e.path, e.path_len, path, n);
		if (c == 0) {
			*ret = mid;
			return 0;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -ENOENT;
}

int sidecar_get_tarsplit(const struct sidecar *s, struct sidecar_tarsplit *ret)
{
	if (!s->tarsplit)
		return -ENOENT;
	sidecar_decode_tarsplit(s->tarsplit, &ret->codec, &ret->plain_len);
	ret->p = s->tarsplit + SIDECAR_TARSPLIT_HEAD;
	ret->len = s->tarsplit_len - SIDECAR_TARSPLIT_HEAD;
	return 0;
}

bool sidecar_xattr_next(const struct sidecar_entry *e, uint32_t *pos, struct sidecar_xattr *ret)
{
	const uint8_t *p = e->xattrs + *pos;
	uint16_t name_len;
	uint32_t value_len;

	if (*pos >= e->xattrs_len)
		return false;
	memcpy(&name_len, p, 2);
	memcpy(&value_len, p + 2, 4);
	ret->name_len = le16toh(name_len);
	ret->value_len = le32toh(value_len);
	ret->name = (const char *)p + SIDECAR_XATTR_HEAD;
	ret->value = p + SIDECAR_XATTR_HEAD + ret->name_len;
	*pos += SIDECAR_XATTR_HEAD + ret->name_len + ret->value_len;
	return true;
}

int sidecar_xattr_add(uint8_t *buf, size_t size, uint32_t *len, const char *name, size_t name_len,
		      const void *value, size_t value_len)
{
	uint16_t n16 = htole16((uint16_t)name_len);
	uint32_t v32 = htole32((uint32_t)value_len);
	uint8_t *p = buf + *len;

	if (name_len > UINT16_MAX || value_len > UINT32_MAX ||
	    size - *len < SIDECAR_XATTR_HEAD + name_len + value_len)
		return -EFBIG;
	memcpy(p, &n16, 2);
	memcpy(p + 2, &v32, 4);
	memcpy(p + SIDECAR_XATTR_HEAD, name, name_len);
	memcpy(p + SIDECAR_XATTR_HEAD + name_len, value, value_len);
	*len += (uint32_t)(SIDECAR_XATTR_HEAD + name_len + value_len);
	return 0;
}

static int rewrite_header(int fd, const struct sidecar_raw_header *raw)
{
	uint8_t buf[SIDECAR_HEADER_SIZE];
	ssize_t n;

	sidecar_encode_header(raw, buf);
	n = pwrite(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(buf) ? 0 : -EIO;
}

/* The record's descriptor with its header read, for a change of the header. */
static int open_for_change(int dirfd, struct sidecar_raw_header *ret, struct error *err)
{
	_cleanup_(fd_closep) int fd = open_meta(dirfd, O_RDWR);
	int r;

	if (fd < 0)
		return error_code(err, fd, "open layer record %s", SIDECAR_NAME);
	r = read_header(fd, ret);
	return r < 0 ? header_error(err, r) : TAKE_FD(fd);
}

int sidecar_set_durable(int dirfd, struct error *err)
{
	struct sidecar_raw_header raw;
	_cleanup_(fd_closep) int fd = open_for_change(dirfd, &raw, err);
	int r;

	if (fd < 0)
		return fd;
	raw.h.marks |= SIDECAR_DURABLE;
	r = rewrite_header(fd, &raw);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		return error_code(err, r, "mark layer record %s durable", SIDECAR_NAME);
	return 0;
}

int sidecar_seal(int dirfd, const struct digest *diff_id, const struct digest *compressed,
		 uint64_t compressed_size, struct error *err)
{
	struct sidecar_raw_header raw;
	_cleanup_(fd_closep) int fd = open_for_change(dirfd, &raw, err);
	int r;

	if (fd < 0)
		return fd;
	raw.h.marks |= SIDECAR_SEALED;
	raw.h.diff_id = *diff_id;
	raw.h.compressed = compressed ? *compressed : (struct digest){ 0 };
	raw.h.compressed_size = compressed_size;
	r = rewrite_header(fd, &raw);
	if (r < 0)
		return error_code(err, r, "seal layer record %s", SIDECAR_NAME);
	return 0;
}
