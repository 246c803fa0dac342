/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/sidecar_format.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static const char magic[8] = "carrelmt";
static const char end_magic[8] = "carrelnd";

enum {
	CRC32C_POLY = 0x82f63b78, /* Castagnoli, reflected */
	AT_HEADER_CRC = SIDECAR_HEADER_SIZE - 4,
};

void crc32c_init(struct crc32c *c)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? (uint32_t)CRC32C_POLY : 0);
		c->table[0][i] = v;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			c->table[k][i] =
				c->table[k - 1][i] >> 8 ^ c->table[0][c->table[k - 1][i] & 0xff];
}

uint32_t crc32c_update(const struct crc32c *c, uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	crc = ~crc;
	for (; n >= 8; n -= 8, b += 8) {
		uint64_t v;

		memcpy(&v, b, 8);
		v = le64toh(v) ^ crc;
		crc = c->table[7][v & 0xff] ^ c->table[6][v >> 8 & 0xff] ^
		      c->table[5][v >> 16 & 0xff] ^ c->table[4][v >> 24 & 0xff] ^
		      c->table[3][v >> 32 & 0xff] ^ c->table[2][v >> 40 & 0xff] ^
		      c->table[1][v >> 48 & 0xff] ^ c->table[0][v >> 56];
	}
	for (; n; n--)
		crc = crc >> 8 ^ c->table[0][(crc ^ *b++) & 0xff];
	return ~crc;
}

/* A cursor over fixed fields: the same order in encode and decode is the format. */
static void put32(uint8_t **p, uint32_t v)
{
	v = htole32(v);
	memcpy(*p, &v, 4);
	*p += 4;
}

static void put64(uint8_t **p, uint64_t v)
{
	v = htole64(v);
	memcpy(*p, &v, 8);
	*p += 8;
}

static uint32_t get32(const uint8_t **p)
{
	uint32_t v;

	memcpy(&v, *p, 4);
	*p += 4;
	return le32toh(v);
}

static uint64_t get64(const uint8_t **p)
{
	uint64_t v;

	memcpy(&v, *p, 8);
	*p += 8;
	return le64toh(v);
}

static int hex_value(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* All zero = no digest. */
static void put_digest(uint8_t **p, const struct digest *d)
{
	memset(*p, 0, 32);
	for (int i = 0; i < 32 && digest_is_set(d); i++)
		(*p)[i] = (uint8_t)(hex_value(d->hex[2L * i]) << 4 | hex_value(d->hex[2L * i + 1]));
	*p += 32;
}

static void get_digest(const uint8_t **p, struct digest *ret)
{
	static const uint8_t zero[32];

	*ret = (struct digest){ 0 };
	if (memcmp(*p, zero, 32) != 0)
		digest_from_bytes(*p, ret);
	*p += 32;
}

static uint64_t *const *count_fields(struct sidecar_counts *c, uint64_t *fields[])
{
	size_t n = 0;

	fields[n++] = &c->entries;
	fields[n++] = &c->files;
	fields[n++] = &c->dirs;
	fields[n++] = &c->links;
	fields[n++] = &c->symlinks;
	fields[n++] = &c->devices;
	fields[n++] = &c->fifos;
	fields[n++] = &c->whiteouts;
	fields[n++] = &c->opaques;
	fields[n++] = &c->squashed;
	fields[n++] = &c->skipped_xattrs;
	fields[n] = NULL;
	return fields;
}

void sidecar_encode_header(const struct sidecar_raw_header *raw, uint8_t out[SIDECAR_HEADER_SIZE])
{
	struct sidecar_header h = raw->h;
	uint64_t *fields[16];
	struct crc32c crc;
	uint8_t *p = out;

	memset(out, 0, SIDECAR_HEADER_SIZE);
	memcpy(p, magic, sizeof(magic));
	p += sizeof(magic);
	put32(&p, SIDECAR_VERSION);
	put32(&p, h.marks);
	put_digest(&p, &h.diff_id);
	put_digest(&p, &h.compressed);
	put64(&p, h.compressed_size);
	put64(&p, h.size);
	for (uint64_t *const *f = count_fields(&h.counts, fields); *f; f++)
		put64(&p, **f);
	memcpy(p, h.boot, ID_BOOT_LEN);
	p += ID_BOOT_LEN;
	put32(&p, h.owner);
	put32(&p, h.id_count);
	put32(&p, h.map_uid0);
	put32(&p, h.map_uid1);
	put32(&p, h.map_gid0);
	put32(&p, h.map_gid1);
	for (int i = 0; i < SIDECAR_SECTIONS_MAX; i++) {
		put32(&p, raw->sections[i].type);
		put64(&p, raw->sections[i].offset);
		put64(&p, raw->sections[i].length);
	}
	put32(&p, h.ids_used);
	put64(&p, h.map_digest);
	crc32c_init(&crc);
	p = out + AT_HEADER_CRC;
	put32(&p, crc32c_update(&crc, 0, out, AT_HEADER_CRC));
}

int sidecar_decode_header(const uint8_t in[SIDECAR_HEADER_SIZE], struct sidecar_raw_header *ret)
{
	struct sidecar_raw_header raw = { 0 };
	struct sidecar_header *h = &raw.h;
	const uint8_t *p = in + AT_HEADER_CRC;
	uint64_t *fields[16];
	struct crc32c crc;

	crc32c_init(&crc);
	if (memcmp(in, magic, sizeof(magic)) != 0 ||
	    get32(&p) != crc32c_update(&crc, 0, in, AT_HEADER_CRC))
		return -EBADMSG;
	p = in + sizeof(magic);
	h->version = get32(&p);
	if (h->version > SIDECAR_VERSION)
		return -EOPNOTSUPP;
	h->marks = get32(&p);
	get_digest(&p, &h->diff_id);
	get_digest(&p, &h->compressed);
	h->compressed_size = get64(&p);
	h->size = get64(&p);
	for (uint64_t *const *f = count_fields(&h->counts, fields); *f; f++)
		**f = get64(&p);
	memcpy(h->boot, p, ID_BOOT_LEN);
	p += ID_BOOT_LEN;
	h->owner = get32(&p);
	h->id_count = get32(&p);
	h->map_uid0 = get32(&p);
	h->map_uid1 = get32(&p);
	h->map_gid0 = get32(&p);
	h->map_gid1 = get32(&p);
	for (int i = 0; i < SIDECAR_SECTIONS_MAX; i++) {
		raw.sections[i].type = get32(&p);
		raw.sections[i].offset = get64(&p);
		raw.sections[i].length = get64(&p);
	}
	h->ids_used = get32(&p);
	h->map_digest = get64(&p);
	*ret = raw;
	return 0;
}

void sidecar_encode_record(const struct sidecar_raw_record *r, uint8_t out[SIDECAR_RECORD_SIZE])
{
	uint8_t *p = out;

	put64(&p, r->path_off);
	put64(&p, r->link_off);
	put64(&p, r->xattrs_off);
	put32(&p, r->e.path_len);
	put32(&p, r->e.link_len);
	put32(&p, r->e.xattrs_len);
	put32(&p, r->e.mode);
	put32(&p, r->e.flags);
	put32(&p, r->e.group);
	put64(&p, r->e.uid);
	put64(&p, r->e.gid);
	put64(&p, r->e.size);
	put64(&p, (uint64_t)r->e.mtime);
	put32(&p, r->e.mtime_ns);
	put32(&p, r->e.major);
	put32(&p, r->e.minor);
	put32(&p, 0); /* reserved */
	memcpy(p, r->e.sha256, sizeof(r->e.sha256));
}

void sidecar_decode_record(const uint8_t in[SIDECAR_RECORD_SIZE], struct sidecar_raw_record *ret)
{
	const uint8_t *p = in;

	ret->path_off = get64(&p);
	ret->link_off = get64(&p);
	ret->xattrs_off = get64(&p);
	ret->e.path_len = get32(&p);
	ret->e.link_len = get32(&p);
	ret->e.xattrs_len = get32(&p);
	ret->e.mode = get32(&p);
	ret->e.flags = get32(&p);
	ret->e.group = get32(&p);
	ret->e.uid = get64(&p);
	ret->e.gid = get64(&p);
	ret->e.size = get64(&p);
	ret->e.mtime = (int64_t)get64(&p);
	ret->e.mtime_ns = get32(&p);
	ret->e.major = get32(&p);
	ret->e.minor = get32(&p);
	p += 4;
	memcpy(ret->e.sha256, p, sizeof(ret->e.sha256));
	ret->e.path = ret->e.link = "";
	ret->e.xattrs = NULL;
}

void sidecar_encode_tarsplit(unsigned codec, uint64_t plain_len, uint8_t out[SIDECAR_TARSPLIT_HEAD])
{
	uint8_t *p = out;

	put64(&p, (uint8_t)codec);
	put64(&p, plain_len);
}

void sidecar_decode_tarsplit(const uint8_t in[SIDECAR_TARSPLIT_HEAD], unsigned *ret_codec,
			     uint64_t *ret_plain_len)
{
	const uint8_t *p = in;

	*ret_codec = (unsigned)get64(&p) & 0xff;
	*ret_plain_len = get64(&p);
}

void sidecar_encode_trailer(uint32_t crc, uint64_t file_size, uint8_t out[SIDECAR_TRAILER_SIZE])
{
	uint8_t *p = out;

	/* The size's low half tells a file that was cut and has old bytes at its new end. */
	put32(&p, crc);
	put32(&p, (uint32_t)file_size);
	memcpy(p, end_magic, sizeof(end_magic));
}

int sidecar_check_trailer(const uint8_t in[SIDECAR_TRAILER_SIZE], uint32_t crc, uint64_t file_size)
{
	uint8_t want[SIDECAR_TRAILER_SIZE];

	sidecar_encode_trailer(crc, file_size, want);
	return memcmp(in, want, sizeof(want)) == 0 ? 0 : -EBADMSG;
}

int sidecar_path_cmp(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;

	for (size_t i = 0; i < n; i++) {
		/* A slash sorts below every byte of a name. */
		int x = a[i] == '/' ? 0 : (unsigned char)a[i];
		int y = b[i] == '/' ? 0 : (unsigned char)b[i];

		if (x != y)
			return x < y ? -1 : 1;
	}
	return a_len < b_len ? -1 : a_len > b_len;
}

bool sidecar_path_below(const char *path, size_t n, const char *dir, size_t dir_len)
{
	if (dir_len == 0)
		return n > 0;
	return n > dir_len && path[dir_len] == '/' && memcmp(path, dir, dir_len) == 0;
}
