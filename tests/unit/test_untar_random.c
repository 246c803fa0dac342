/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random archives over few names, so that entries meet in every way: files over directories over
 * symlinks over whiteouts, links to what was replaced. Whatever unpacks must be as its record says,
 * and the canary must be as it was. UNTAR_ROUNDS=N makes it longer, UNTAR_SEED=N begins elsewhere.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "untar_box.h"

enum {
	ROUNDS = 60,
	ENTRIES = 24,
};

static const char *const names[] = {
	"a",
	"b",
	"c",
	"a/b",
	"a/c",
	"a/b/c",
	"b/a",
	"b/c/a",
	"c/a/b",
	"c/b",
	"a/b/c/d/e",
	"./a/./b/",
	"/b",
	".wh.a",
	"a/.wh.b",
	"b/.wh.c",
	".wh.b",
	"c/.wh.a",
	".wh..wh..opq",
	"a/.wh..wh..opq",
	"b/c/.wh..wh..opq",
	".",
	"a//c",
	"c",
};

static const char *const links[] = {
	"a", "b",   "c",     "a/b",  "../b",  "..",	 "/", "/c", "../../../canary",
	".", "b/c", "a/b/c", "/a/b", "../..", "nowhere",
};

static uint32_t next(uint64_t *seed, uint32_t n)
{
	/* Any mixing does: the point is that a seed can be repeated. */
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % n;
}

static void add(struct box *b, uint64_t *seed)
{
	static const char types[] = "00005551122367";
	struct tarmake_entry e = {
		.type = types[next(seed, sizeof(types) - 1)],
		.name = names[next(seed, ARRAY_SIZE(names))],
		.mode = next(seed, 010000),
		.uid = next(seed, 4) ? 0 : next(seed, 100000),
		.gid = next(seed, 4) ? 0 : next(seed, 100),
		.mtime = next(seed, 2000000000),
		.major = 1,
		.minor = 3,
	};

	if (e.type == '1' || e.type == '2')
		e.link = links[next(seed, ARRAY_SIZE(links))];
	if (e.type == '0' || e.type == '7') {
		e.data = "some data of a file";
		e.data_len = next(seed, 20);
	}
	if (next(seed, 8) == 0)
		tarmake_pax(&b->tar, 'x', "SCHILY.xattr.user.x", "1",
			    "SCHILY.xattr.user.overlay.opaque", "y", NULL);
	tarmake_add(&b->tar, &e);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);
	uint64_t v = otherwise;

	return s && num_u64(s, &v) < 0 ? otherwise : v;
}

static bool is_refusal(int r)
{
	/* Names, hard links through symlinks, to nothing, and to directories. */
	return r == -EBADMSG || r == -ELOOP || r == -ENOENT || r == -EPERM || r == -ENOTDIR ||
	       r == -EXDEV;
}

static void test_random(void **state)
{
	uint64_t first = number("UNTAR_SEED", 1), rounds = number("UNTAR_ROUNDS", ROUNDS), good = 0;
	struct box *b = *state;

	for (uint64_t i = first; i < first + rounds; i++) {
		uint64_t seed = i * 7919;
		uint32_t n = 1 + next(&seed, ENTRIES);
		int r;

		b->tar.n = 0;
		for (uint32_t k = 0; k < n; k++)
			add(b, &seed);
		r = box_unpack(b);
		if (r < 0 && !is_refusal(r))
			fail_msg("seed %llu: %d: %s", (unsigned long long)i, r, b->err.text);
		good += r == 0;
		box_renew(b);
	}
	/* Else it tests the refusals only. */
	assert_true(good > rounds / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(test_random),
	};

	return box_run(tests, ARRAY_SIZE(tests));
}
