/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "codec/inflate.h"

#include <errno.h>
#include <string.h>

#include "codec/inflate_ops.h"

struct inflate {
	enum inflate_kind kind;
	const struct inflate_ops *ops; /* NULL = plain */
	void *state;
	bool started; /* a member has begun and not ended */
	bool any;     /* at least one member has ended */
	bool padding; /* after the last gzip member */
};

enum inflate_kind inflate_detect(const uint8_t *p, size_t n)
{
	if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return INFLATE_GZIP;
	if (n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd)
		return INFLATE_ZSTD;
	/* A skippable frame may come first (zstd:chunked and pzstd write them). */
	if (n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18)
		return INFLATE_ZSTD;
	if (n >= 6 && memcmp(p,
			     "\xfd"
			     "7zXZ",
			     6) == 0)
		return INFLATE_XZ;
	/* More than its three letters: an archive's first name may begin with them. */
	if (n >= 10 && memcmp(p, "BZh", 3) == 0 && memcmp(p + 4, "1AY&SY", 6) == 0)
		return INFLATE_BZIP2;
	return INFLATE_PLAIN;
}

const char *inflate_name(enum inflate_kind kind)
{
	switch (kind) {
	case INFLATE_PLAIN:
		break;
	case INFLATE_GZIP:
		return "gzip";
	case INFLATE_ZSTD:
		return "zstd";
	case INFLATE_XZ:
		return "xz";
	case INFLATE_BZIP2:
		return "bzip2";
	}
	return "nothing";
}

int inflate_new(enum inflate_kind kind, struct inflate **ret)
{
	const struct inflate_ops *ops = NULL;
	struct inflate *f;

	switch (kind) {
	case INFLATE_PLAIN:
	case INFLATE_XZ:
	case INFLATE_BZIP2:
		break;
	case INFLATE_GZIP:
		ops = inflate_ops_gzip();
		break;
	case INFLATE_ZSTD:
		ops = inflate_ops_zstd();
		break;
	}
	if (kind != INFLATE_PLAIN && !ops)
		return -EOPNOTSUPP;
	f = xcalloc(1, sizeof(*f));
	f->kind = kind;
	f->ops = ops;
	f->state = ops ? ops->open() : NULL;
	if (ops && !f->state) {
		free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

void inflate_free(struct inflate *f)
{
	if (!f)
		return;
	if (f->ops)
		f->ops->close(f->state);
	free(f);
}

static size_t run_plain(struct inflate_step *s)
{
	size_t n = s->n_in < s->n_out ? s->n_in : s->n_out;

	memcpy(s->out, s->in, n);
	s->in += n;
	s->n_in -= n;
	return n;
}

/* Between members: does another one begin here? */
static int next_member(struct inflate *f, struct inflate_step *s)
{
	if (f->any && f->kind == INFLATE_GZIP && s->in[0] != 0x1f) {
		f->padding = true;
		return 0;
	}
	f->started = true;
	return f->any ? f->ops->restart(f->state) : 0;
}

static int run_members(struct inflate *f, struct inflate_step *s)
{
	while (s->n_out) {
		size_t in_before = s->n_in, out_before = s->n_out;
		int r;

		if (!f->started) {
			if (!s->n_in || f->padding) {
				s->n_in = 0;
				return 0;
			}
			r = next_member(f, s);
			if (r < 0)
				return r;
			continue;
		}
		s->end = false;
		r = f->ops->run(f->state, s);
		if (r < 0)
			return r;
		if (s->end) {
			f->started = false;
			f->any = true;
		} else if (s->n_in == in_before && s->n_out == out_before) {
			return s->n_in ? -EBADMSG : 0; /* it wants more input */
		}
	}
	return 0;
}

int inflate_run(struct inflate *f, const uint8_t **in, size_t *n_in, uint8_t *out, size_t cap,
		size_t *ret_n)
{
	struct inflate_step s = { .in = *in, .n_in = *n_in, .out = out, .n_out = cap };
	size_t n;
	int r = 0;

	if (f->ops) {
		r = run_members(f, &s);
		n = cap - s.n_out;
	} else {
		n = run_plain(&s);
	}
	if (r < 0)
		return r;
	*in += *n_in - s.n_in;
	*n_in = s.n_in;
	*ret_n = n;
	return 0;
}

int inflate_end(struct inflate *f)
{
	if (!f->ops)
		return 0;
	return f->any && !f->started ? 0 : -ENODATA;
}
