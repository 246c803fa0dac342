/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "storage/tar.h"
#include "storage/tarsplit.h"
#include "storage/tarsplit_format.h"

enum {
	PIECE = 64 << 10,
};

struct rebuild {
	tarsplit_source source;
	void *ctx;
	const unsigned char *p; /* lent by the source */
	size_t left;
	tarsplit_sink sink;
	void *sink_ctx;
	int tree;
	int fd; /* file at hand */
	char path[TAR_PATH_MAX];
	uint8_t *buf;
};

/* 1: exactly n bytes; 0: the end is here; -EBADMSG: it is in the middle. */
static int take(struct rebuild *b, void *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t k;

		if (b->left == 0) {
			int r = b->source(b->ctx, &b->p, &b->left);

			if (r < 0)
				return r;
			if (r == 0)
				return done ? -EBADMSG : 0;
			continue;
		}
		k = n - done < b->left ? n - done : b->left;
		memcpy((char *)to + done, b->p, k);
		b->p += k;
		b->left -= k;
		done += k;
	}
	return 1;
}

static int take_all(struct rebuild *b, void *to, size_t n)
{
	int r = n ? take(b, to, n) : 1;

	return r == 0 ? -EBADMSG : r < 0 ? r : 0;
}

static int do_bytes(struct rebuild *b, uint32_t n)
{
	while (n) {
		uint32_t k = n < PIECE ? n : PIECE;
		int r = take_all(b, b->buf, k);

		if (r == 0)
			r = b->sink(b->sink_ctx, b->buf, k);
		if (r < 0)
			return r;
		n -= k;
	}
	return 0;
}

static int do_file(struct rebuild *b, uint32_t n)
{
	struct stat st;
	int r;

	if (n >= sizeof(b->path))
		return -EBADMSG;
	r = take_all(b, b->path, n);
	if (r < 0)
		return r;
	b->path[n] = '\0';
	fd_close(b->fd);
	b->fd = path_open_beneath(b->tree, b->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
				  0);
	if (b->fd < 0 || fstat(b->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EUCLEAN;
	return 0;
}

static int do_data(struct rebuild *b)
{
	uint64_t v[2], at, n;
	int r = take_all(b, v, sizeof(v));

	if (r < 0)
		return r;
	at = le64toh(v[0]);
	n = le64toh(v[1]);
	if (b->fd < 0 || at > INT64_MAX || n > INT64_MAX - at)
		return -EBADMSG;
	while (n) {
		ssize_t k = pread(b->fd, b->buf, n < PIECE ? (size_t)n : PIECE, (off_t)at);

		if (k <= 0)
			return k < 0 ? -errno : -EUCLEAN;
		r = b->sink(b->sink_ctx, b->buf, (size_t)k);
		if (r < 0)
			return r;
		at += (uint64_t)k;
		n -= (uint64_t)k;
	}
	return 0;
}

/* 1 go on, 0 end. */
static int step(struct rebuild *b)
{
	uint8_t command;
	uint32_t n = 0;
	int r = take(b, &command, 1);

	if (r <= 0)
		return r;
	if (command == TARSPLIT_DATA) {
		r = do_data(b);
		return r < 0 ? r : 1;
	}
	if (command != TARSPLIT_BYTES && command != TARSPLIT_FILE)
		return -EBADMSG;
	r = take_all(b, &n, sizeof(n));
	n = le32toh(n);
	if (r == 0)
		r = command == TARSPLIT_BYTES ? do_bytes(b, n) : do_file(b, n);
	return r < 0 ? r : 1;
}

int tarsplit_rebuild(tarsplit_source source, void *source_ctx, int tree_fd, tarsplit_sink sink,
		     void *sink_ctx, struct error *err)
{
	_cleanup_(freep) uint8_t *buf = xmalloc(PIECE);
	struct rebuild b = {
		.source = source,
		.ctx = source_ctx,
		.sink = sink,
		.sink_ctx = sink_ctx,
		.tree = tree_fd,
		.fd = -1,
		.buf = buf,
	};
	int r;

	while ((r = step(&b)) > 0)
		;
	fd_close(b.fd);
	if (r == -EUCLEAN)
		return error_set(err, r, "layer entry %s is not what it was", b.path);
	if (r == -EBADMSG)
		return error_set(err, r, "the record of the layer's archive is damaged");
	return r < 0 ? error_code(err, r, "make the layer's archive again") : 0;
}
