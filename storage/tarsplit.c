/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/tarsplit.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "storage/sidecar.h"
#include "storage/tarsplit_format.h"

/* #syscalls:unpack openat write close ftruncate */

enum {
	BUFFER = 32 << 10,
};

struct tarsplit {
	const struct squeeze *squeeze;
	int fd;
	bool gave_up;
	uint64_t plain, size, limit;
	size_t n_bytes, n_out;
	uint8_t bytes[BUFFER]; /* not yet a command */
	uint8_t out[BUFFER];   /* not yet in the file */
};

int tarsplit_new(int dirfd, const struct squeeze *squeeze, uint64_t limit, struct tarsplit **ret)
{
	struct tarsplit *t;
	int fd = sidecar_temp(dirfd);

	if (fd < 0)
		return fd;
	t = xcalloc(1, sizeof(*t));
	t->squeeze = squeeze;
	t->limit = limit;
	t->fd = fd;
	*ret = t;
	return 0;
}

void tarsplit_free(struct tarsplit *t)
{
	if (!t)
		return;
	fd_close(t->fd);
	free(t);
}

static int give_up(struct tarsplit *t)
{
	t->gave_up = true;
	return ftruncate(t->fd, 0) < 0 ? -errno : 0;
}

static int write_out(struct tarsplit *t)
{
	int r = fd_write_all(t->fd, t->out, t->n_out);

	t->size += t->n_out;
	t->n_out = 0;
	return r;
}

static int squeeze_some(struct tarsplit *t, const uint8_t **p, size_t *n, bool end)
{
	size_t room = sizeof(t->out) - t->n_out, done = 0;
	int r = 0;

	if (t->squeeze) {
		r = t->squeeze->ops->run(t->squeeze->ctx, p, n, end, t->out + t->n_out, room,
					 &done);
	} else {
		done = *n < room ? *n : room;
		memcpy(t->out + t->n_out, *p, done);
		*p += done;
		*n -= done;
		r = *n == 0;
	}
	t->n_out += done;
	return r;
}

static int put(struct tarsplit *t, const void *data, size_t n)
{
	const uint8_t *p = data;

	if (t->gave_up)
		return 0;
	t->plain += n;
	if (t->plain > t->limit)
		return give_up(t);
	while (n) {
		int r = squeeze_some(t, &p, &n, false);

		if (r >= 0 && t->n_out == sizeof(t->out))
			r = write_out(t);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_string(struct tarsplit *t, enum tarsplit_command c, const void *p, size_t n)
{
	uint32_t len = htole32((uint32_t)n);
	uint8_t head[5] = { (uint8_t)c };
	int r;

	memcpy(head + 1, &len, sizeof(len));
	r = put(t, head, sizeof(head));
	return r < 0 ? r : put(t, p, n);
}

static int put_bytes(struct tarsplit *t)
{
	size_t n = t->n_bytes;

	t->n_bytes = 0;
	return n ? put_string(t, TARSPLIT_BYTES, t->bytes, n) : 0;
}

int tarsplit_bytes(struct tarsplit *t, const void *p, size_t n)
{
	while (n) {
		size_t room = sizeof(t->bytes) - t->n_bytes, k = n < room ? n : room;

		memcpy(t->bytes + t->n_bytes, p, k);
		t->n_bytes += k;
		p = (const char *)p + k;
		n -= k;
		if (t->n_bytes == sizeof(t->bytes)) {
			int r = put_bytes(t);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

int tarsplit_file(struct tarsplit *t, const char *path)
{
	int r = put_bytes(t);

	return r < 0 ? r : put_string(t, TARSPLIT_FILE, path, strlen(path));
}

int tarsplit_data(struct tarsplit *t, uint64_t offset, uint64_t length)
{
	uint64_t v[2] = { htole64(offset), htole64(length) };
	uint8_t cmd[1 + sizeof(v)] = { TARSPLIT_DATA };

	memcpy(cmd + 1, v, sizeof(v));
	return put(t, cmd, sizeof(cmd));
}

int tarsplit_end(struct tarsplit *t, struct tarsplit_part *ret)
{
	const uint8_t *none = t->bytes;
	size_t n = 0;
	int r = put_bytes(t), done = 0;

	while (r == 0 && !done && !t->gave_up) {
		done = squeeze_some(t, &none, &n, true);
		r = done < 0 ? done : write_out(t);
	}
	if (r < 0 || t->gave_up)
		return r;
	*ret = (struct tarsplit_part){
		.codec = t->squeeze ? t->squeeze->codec : SQUEEZE_PLAIN,
		.plain = t->plain,
		.fd = t->fd,
		.size = t->size,
	};
	return 1;
}
