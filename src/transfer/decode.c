/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/decode.h"

#include <errno.h>

#include "codec/inflate.h"
#include "codec/sha256.h"
#include "transfer/bomb.h"

struct decode {
	const struct decode_input *input;
	struct wire_slot *slot;
	struct sha256 sha;
	struct inflate *inflate;
	uint64_t received;
	uint64_t plain; /* of it: in blocks that were put */
	uint8_t *block; /* being filled */
	size_t fill;
	struct bomb_share share;
	bool told; /* the error is the input's, which names the layer */
};

static int peek(struct decode *d, size_t min, const uint8_t **ret, size_t *ret_n, struct error *err)
{
	int r = d->input->peek(d->input->data, min, ret, ret_n, err);

	d->told = r < 0;
	return r;
}

static int damaged(int r, struct error *err)
{
	if (r == -EBADMSG)
		return error_set(err, r, "its compressed data is damaged");
	if (r == -ENODATA)
		return error_set(err, -EBADMSG, "its compressed data ends early");
	if (r == -EFBIG) {
		error_set(err, r, "its zstd window is larger than %d MiB, which is the limit",
			  1 << (INFLATE_WINDOW_LOG_MAX - 20));
		error_hint(err, "push the image again, compressed with --long=%d at most",
			   INFLATE_WINDOW_LOG_MAX);
		return r;
	}
	return error_code(err, r, "decompress it");
}

/* All of one piece, and what the decoder still holds from earlier ones. */
static int inflate_piece(struct decode *d, const uint8_t *p, size_t n, struct error *err)
{
	for (;;) {
		size_t room = RING_BLOCK - d->fill, got = 0;
		int r = inflate_run(d->inflate, &p, &n, d->block + d->fill, room, &got);

		if (r < 0)
			return damaged(r, err);
		d->fill += got;
		if (got < room)
			return 0;
		ring_put(&d->slot->ring, RING_BLOCK);
		d->plain += RING_BLOCK;
		r = bomb_check(&d->share, d->received, d->plain, err);
		if (r < 0)
			return r;
		d->block = ring_get_free(&d->slot->ring);
		d->fill = 0;
	}
}

static int start(struct decode *d, struct error *err)
{
	enum inflate_kind kind;
	const uint8_t *p;
	size_t n;
	int r;

	r = peek(d, INFLATE_MAGIC, &p, &n, err);
	if (r < 0)
		return r;
	kind = inflate_detect(p, n);
	r = inflate_new(kind, &d->inflate);
	if (r == -EOPNOTSUPP) {
		error_set(err, r, "it is compressed by %s, which this build cannot read",
			  inflate_name(kind));
		if (kind == INFLATE_ZSTD)
			error_hint(err, "build carrel with libzstd");
		else
			error_hint(err, "push the image again with gzip or zstd layers");
		return r;
	}
	if (r == 0)
		r = sha256_init(&d->sha);
	if (r < 0)
		return error_code(err, r, "set up the decoder");
	d->block = ring_get_free(&d->slot->ring);
	return 0;
}

static int run(struct decode *d, struct error *err)
{
	for (;;) {
		const uint8_t *p;
		size_t n;
		int r;

		r = peek(d, 1, &p, &n, err);
		if (r < 0 || n == 0)
			return r;
		d->received += n;
		atomic_store_explicit(&d->slot->received, d->received, memory_order_relaxed);
		r = sha256_add(&d->sha, p, n);
		if (r < 0)
			return error_code(err, r, "hash it");
		r = inflate_piece(d, p, n, err);
		if (r < 0)
			return r;
		d->input->drop(d->input->data, n);
	}
}

static int verify(struct decode *d, const struct digest *want, uint64_t size, struct error *err)
{
	struct digest have;
	uint8_t bytes[32];
	int r;

	if (d->received != size)
		return error_set(err, -EBADMSG, "it has %llu bytes where %llu were promised",
				 (unsigned long long)d->received, (unsigned long long)size);
	r = sha256_end(&d->sha, bytes);
	if (r < 0)
		return error_code(err, r, "hash it");
	digest_from_bytes(bytes, &have);
	if (!digest_equal(&have, want)) {
		error_set(err, -EBADMSG, "its content does not match its digest");
		error_hint(err, "the registry, or something on the way, changed it: nothing of it "
				"is kept");
		return -EBADMSG;
	}
	r = inflate_end(d->inflate);
	return r < 0 ? damaged(r, err) : 0;
}

int decode_layer(const struct decode_input *input, const struct digest *want, uint64_t size,
		 struct wire_slot *slot, _Atomic uint64_t *taken, struct error *err)
{
	struct decode d = { .input = input, .slot = slot, .share = { .taken = taken } };
	int r;

	r = start(&d, err);
	if (r == 0)
		r = run(&d, err);
	if (r == 0)
		r = verify(&d, want, size, err);
	if (r == 0) {
		if (d.fill)
			ring_put(&slot->ring, (uint32_t)d.fill);
		ring_end(&slot->ring);
	}
	sha256_done(&d.sha);
	inflate_free(d.inflate);
	if (r < 0 && !d.told)
		error_prefix(err, "layer sha256:%.12s", want->hex);
	return r;
}
