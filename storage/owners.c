/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/owners.h"

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

static uint32_t count(const struct owners_row *rows, unsigned n)
{
	return n ? rows[n - 1].id + rows[n - 1].count : 0;
}

uint32_t owners_count(const struct owners *o)
{
	uint32_t u = count(o->uids, o->n_uids), g = count(o->gids, o->n_gids);

	return u < g ? u : g;
}

static uint32_t host_of(const struct owners_row *rows, unsigned n, uint32_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (id >= rows[i].id && id - rows[i].id < rows[i].count)
			return rows[i].host + (id - rows[i].id);
	return 0;
}

struct owners_first owners_first(const struct owners *o)
{
	return (struct owners_first){
		.uid0 = host_of(o->uids, o->n_uids, 0),
		.uid1 = host_of(o->uids, o->n_uids, 1),
		.gid0 = host_of(o->gids, o->n_gids, 0),
		.gid1 = host_of(o->gids, o->n_gids, 1),
	};
}

static uint64_t add(uint64_t h, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		h = (h ^ ((v >> (8 * i)) & 0xff)) * FNV_PRIME;
	return h;
}

/* Rows that go on where the last one ended are one; the last is cut at n. */
static uint64_t add_rows(uint64_t h, const struct owners_row *rows, unsigned n_rows, uint32_t n)
{
	for (unsigned i = 0; i < n_rows && rows[i].id < n;) {
		struct owners_row r = rows[i++];

		while (i < n_rows && rows[i].host == r.host + r.count)
			r.count += rows[i++].count;
		if (r.count > n - r.id)
			r.count = n - r.id;
		h = add(add(add(h, r.id), r.host), r.count);
	}
	return h;
}

uint64_t owners_digest(const struct owners *o, uint32_t n)
{
	uint64_t h = FNV_OFFSET;

	if (n == 0 || n > owners_count(o))
		return 0;
	h = add_rows(h, o->uids, o->n_uids, n);
	h = add_rows(h, o->gids, o->n_gids, n);
	return h ? h : 1;
}

struct owners owners_single(const struct owners *o)
{
	struct owners s = { .n_uids = 1, .n_gids = 1 };

	s.uids[0] = (struct owners_row){ .host = o->uids[0].host, .count = 1 };
	s.gids[0] = (struct owners_row){ .host = o->gids[0].host, .count = 1 };
	return s;
}
