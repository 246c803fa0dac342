/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/json.h"
#include "oci/manifest.h"

/* #syscalls:fetch openat openat2 close read fstat newfstatat statx lseek */

enum {
	LAYOUT_PIECE = 256 << 10,
	LAYOUT_MARKER_MAX = 4096,
};

/* Nobody's FIFO or device: a layout is somebody else's directory. */
static int open_regular(int dirfd, const char *name, uint64_t *ret_size, struct error *err)
{
	_cleanup_(fd_closep) int fd =
		path_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0)
		return error_code(err, fd, "open %s of the image layout", name);
	if (fstat(fd, &st) < 0)
		return error_sys(err, "stat %s of the image layout", name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s of the image layout is not a file", name);
	*ret_size = (uint64_t)st.st_size;
	return TAKE_FD(fd);
}

static int read_file(int dirfd, const char *name, size_t max, struct registry_doc *ret,
		     struct error *err)
{
	uint64_t size;
	_cleanup_(fd_closep) int fd = open_regular(dirfd, name, &size, err);
	int r;

	if (fd < 0)
		return fd;
	r = fd_read_to_end(fd, max, &ret->text, &ret->len);
	if (r < 0)
		return error_code(err, r, "read %s of the image layout", name);
	return 0;
}

static int check_marker(int dirfd, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct registry_doc doc = { 0 };
	const char *version;
	int r;

	r = read_file(dirfd, "oci-layout", LAYOUT_MARKER_MAX, &doc, err);
	if (r < 0) {
		error_hint(err, "an OCI image layout has the files oci-layout and index.json");
		return r;
	}
	r = json_parse(doc.text, doc.len, &o, err);
	free(doc.text);
	if (r == 0)
		r = json_get_string(o, "imageLayoutVersion", &version, err);
	if (r < 0) {
		error_prefix(err, "oci-layout");
		return r;
	}
	if (!version || !str_starts(version, "1."))
		return error_set(err, -EOPNOTSUPP, "image layout of another version than 1");
	return 0;
}

struct blob_name {
	char s[sizeof("blobs/sha256/") + DIGEST_HEX_LEN];
};

static struct blob_name blob_name(const struct digest *d)
{
	struct blob_name n;

	ignore_result(str_print(n.s, sizeof(n.s), "blobs/sha256/%s", d->hex)); /* it fits */
	return n;
}

int layout_get_manifest(int dirfd, const char *name, struct registry_doc *ret, struct error *err)
{
	struct digest d;
	int r;

	if (!*name) {
		r = check_marker(dirfd, err);
		return r < 0 ? r : read_file(dirfd, "index.json", MANIFEST_SIZE_MAX, ret, err);
	}
	r = digest_parse(name, &d);
	if (r < 0)
		return error_set(err, r, "bad digest %s", name);
	return read_file(dirfd, blob_name(&d).s, MANIFEST_SIZE_MAX, ret, err);
}

int layout_get_blob(int dirfd, const struct digest *digest, uint64_t size, size_t max,
		    struct registry_doc *ret, struct error *err)
{
	if (size > max)
		return error_set(err, -EFBIG, "blob of %llu bytes is larger than %zu",
				 (unsigned long long)size, max);
	return read_file(dirfd, blob_name(digest).s, (size_t)size, ret, err);
}

int layout_blob_open(int dirfd, const struct digest *digest, uint64_t size, struct layout_blob *ret,
		     struct error *err)
{
	uint64_t have = 0;
	int fd = open_regular(dirfd, blob_name(digest).s, &have, err);

	if (fd < 0)
		return fd;
	if (have != size) {
		fd_close(fd);
		return error_set(err, -EBADMSG,
				 "blob %.12s has %llu bytes where %llu were promised", digest->hex,
				 (unsigned long long)have, (unsigned long long)size);
	}
	*ret = (struct layout_blob){ .fd = fd, .buf = xmalloc(LAYOUT_PIECE), .left = size };
	return 0;
}

void layout_blob_done(struct layout_blob *b)
{
	fd_close(b->fd);
	free(b->buf);
}

int layout_blob_peek(void *data, size_t min, const uint8_t **ret, size_t *ret_n, struct error *err)
{
	struct layout_blob *b = data;

	/* Pieces are far larger than any `min`; a short read is only seen at the end. */
	(void)min;
	if (b->pos == b->len && b->left) {
		size_t want = b->left < LAYOUT_PIECE ? (size_t)b->left : LAYOUT_PIECE;
		int r = fd_read_full(b->fd, b->buf, want);

		if (r < 0)
			return error_code(err, r, "read a blob of the image layout");
		b->pos = 0;
		b->len = want;
		b->left -= want;
	}
	*ret = b->buf + b->pos;
	*ret_n = b->len - b->pos;
	return 0;
}

void layout_blob_drop(void *data, size_t n)
{
	struct layout_blob *b = data;

	b->pos += n;
}
