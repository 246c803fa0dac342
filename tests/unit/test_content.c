/* SPDX-License-Identifier: Apache-2.0 */
/* Content digests: what is recorded while unpacking, and that a verification compares it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "transfer/content.h"
#include "untar_box.h"

struct test {
	struct sha256 sha;
	struct hash hash;
};

static void setup(struct test *t, struct box *b)
{
	*t = (struct test){ 0 };
	assert_int_equal(content_hash(&t->sha, &t->hash), 0);
	b->hash = &t->hash;
}

static void is_digest_of(struct box *b, const char *path, const void *p, size_t n)
{
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e = box_record(b, &s, path);
	uint8_t want[32];

	assert_int_equal(sha256_of(p, n, want), 0);
	assert_memory_equal(e.sha256, want, sizeof(want));
}

static void has_none(struct box *b, const char *path)
{
	static const uint8_t zeros[32];
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e = box_record(b, &s, path);

	assert_memory_equal(e.sha256, zeros, sizeof(zeros));
}

static void test_plain(void **state)
{
	struct box *b = *state;
	struct sidecar_header h;
	char data[5000];
	struct test t;

	setup(&t, b);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 31);
	tarmake_file(&b->tar, "d/empty", "");
	tarmake_file(&b->tar, "twice", "first");
	tarmake_add(&b->tar,
		    &(struct tarmake_entry){
			    .type = '0', .name = "big", .data = data, .data_len = sizeof(data) });
	tarmake_link(&b->tar, '1', "hard", "big");
	tarmake_link(&b->tar, '2', "soft", "big");
	tarmake_file(&b->tar, "twice", "second");
	b->piece = 700; /* digests over several pieces */
	assert_int_equal(box_unpack(b), 0);
	is_digest_of(b, "d/empty", "", 0);
	is_digest_of(b, "big", data, sizeof(data));
	is_digest_of(b, "hard", data, sizeof(data));
	is_digest_of(b, "twice", "second", 6);
	has_none(b, "d");
	has_none(b, "soft");
	assert_int_equal(sidecar_read_header(b->wrapper, &h, NULL), 0);
	assert_int_equal(h.marks, SIDECAR_CONTENT);
	sha256_done(&t.sha);
}

static void test_sparse(void **state)
{
	static char want[1 << 20];
	struct box *b = *state;
	struct test t;

	setup(&t, b);
	tarmake_pax(&b->tar, 'x', "GNU.sparse.size", "1048576", "GNU.sparse.map",
		    "10,3,100000,2,1048576,0", NULL);
	tarmake_file(&b->tar, "s", "abcde");
	/* Costs its archive nothing and would cost us minutes. */
	tarmake_pax(&b->tar, 'x', "GNU.sparse.size", "100000000000", "GNU.sparse.map",
		    "0,3,100000000000,0", NULL);
	tarmake_file(&b->tar, "huge", "abc");
	tarmake_file(&b->tar, "after", "x");
	assert_int_equal(box_unpack(b), 0);
	memcpy(want + 10, "abc", 3);
	memcpy(want + 100000, "de", 2);
	is_digest_of(b, "s", want, sizeof(want));
	has_none(b, "huge");
	is_digest_of(b, "after", "x", 1);
	sha256_done(&t.sha);
}

/* Same size and times, other bytes: only the content tells. */
static void test_flipped(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct timespec ts[2];
	struct error err = { 0 };
	struct stat st;
	struct test t;
	int fd;

	setup(&t, b);
	tarmake_file(&b->tar, "d/f", "12345");
	assert_int_equal(box_unpack(b), 0);
	assert_int_equal(sidecar_open(b->wrapper, &s, NULL), 0);
	assert_int_equal(sidecar_verify_tree(s, b->tree, &t.hash, NULL), 0);
	st = box_stat(b, "d/f");
	ts[0] = st.st_atim;
	ts[1] = st.st_mtim;
	fd = openat(b->tree, "d/f", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 3), 1);
	assert_int_equal(futimens(fd, ts), 0);
	fd_close(fd);
	assert_int_equal(sidecar_verify_tree(s, b->tree, NULL, NULL), 0);
	assert_int_equal(sidecar_verify_tree(s, b->tree, &t.hash, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "d/f: content"));
	sha256_done(&t.sha);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(test_plain),
		BOX_TEST(test_sparse),
		BOX_TEST(test_flipped),
	};

	return box_run(tests, ARRAY_SIZE(tests));
}
