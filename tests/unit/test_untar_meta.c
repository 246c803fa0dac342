/* SPDX-License-Identifier: Apache-2.0 */
/* What unpacked entries look like, limits, torn streams and the record. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "untar_box.h"

/* ---- metadata ---- */

static void test_modes_and_times(void **state)
{
	struct box *b = *state;
	struct stat st;

	tarmake_pax(&b->tar, 'x', "mtime", "123.000000456", NULL);
	tarmake_add(&b->tar,
		    &(struct tarmake_entry){
			    .type = '0', .name = "su", .mode = 06755, .data = "x", .data_len = 1 });
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '5', .name = "sticky", .mode = 01777, .mtime = 77 });
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '5', .name = "group", .mode = 02775, .mtime = 78 });
	tarmake_file(&b->tar, "group/inside", "x");
	tarmake_dir(&b->tar, "group/subdir");
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '5', .name = "locked", .mode = 0, .mtime = 79 });
	tarmake_file(&b->tar, "locked/inside", "x");
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '6', .name = "fifo", .mode = 0640, .mtime = 80 });
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '2', .name = "link", .link = "x", .mtime = 81 });
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '5', .name = "./", .mode = 0700, .mtime = 82 });
	assert_int_equal(box_unpack(b), 0);
	st = box_stat(b, "su");
	assert_int_equal(st.st_mode & 07777, 06755);
	assert_int_equal(st.st_mtim.tv_sec, 123);
	assert_int_equal(st.st_mtim.tv_nsec, 456);
	assert_int_equal(box_stat(b, "sticky").st_mode & 07777, 01777);
	st = box_stat(b, "group");
	assert_int_equal(st.st_mode & 07777, 02775);
	assert_int_equal(st.st_mtim.tv_sec, 78);
	assert_int_equal(box_stat(b, "group/subdir").st_mode & 07777, 0755);
	assert_int_equal(box_stat(b, "locked").st_mode & 07777, 0);
	assert_int_equal(box_stat(b, "locked").st_mtim.tv_sec, 79);
	st = box_stat(b, "fifo");
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_mtim.tv_sec, 80);
	assert_int_equal(box_stat(b, "link").st_mtim.tv_sec, 81);
	st = box_stat(b, ".");
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_mtim.tv_sec, 82);
}

static void test_owners(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e;

	tarmake_add(&b->tar,
		    &(struct tarmake_entry){
			    .type = '0', .name = "www", .mode = 04755, .uid = 33, .gid = 33 });
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '5', .name = "mail", .mode = 02775, .gid = 8 });
	tarmake_file(&b->tar, "mail/box", "x");
	tarmake_pax(&b->tar, 'x', "uid", "1000000000", NULL);
	tarmake_add(&b->tar, &(struct tarmake_entry){ .type = '5', .name = "ldap", .mode = 0755 });
	assert_int_equal(box_unpack(b), 0);
	assert_int_equal(b->stats.squashed, b->ids == 1 ? 3 : 1);
	assert_int_equal(box_stat(b, "www").st_uid, b->ids == 1 ? 0 : 33);
	/* With one id the bit would be root's. */
	assert_int_equal(box_stat(b, "www").st_mode & 07777, b->ids == 1 ? 0755 : 04755);
	assert_int_equal(box_stat(b, "mail").st_gid, b->ids == 1 ? 0 : 8);
	/* A set-gid directory hands nothing to what the archive says is root's. */
	assert_int_equal(box_stat(b, "mail/box").st_gid, 0);
	assert_int_equal(box_stat(b, "ldap").st_uid, b->ids == 1 ? 0 : 65534);
	e = box_record(b, &s, "ldap");
	assert_true(e.uid == 1000000000);
	assert_int_equal(e.flags, SIDECAR_SQUASHED);
	assert_int_equal(sidecar_get_header(s)->counts.squashed, b->stats.squashed);
	sidecar_close(s);
	e = box_record(b, &s, "www");
	assert_true(e.uid == 33 && e.gid == 33);
}

static void test_devices(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e;

	tarmake_add(&b->tar, &(struct tarmake_entry){ .type = '3',
						      .name = "dev/null",
						      .mode = 0666,
						      .major = 1,
						      .minor = 3 });
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '4', .name = "dev/sda", .mode = 0660, .major = 8 });
	tarmake_add(&b->tar, &(struct tarmake_entry){ .type = '3', .name = "zero", .mode = 0666 });
	tarmake_link(&b->tar, '1', "dev/nil", "dev/null");
	tarmake_link(&b->tar, '1', "dev/nada", "dev/nil");
	assert_int_equal(box_unpack(b), 0);
	box_absent(b, "dev/null");
	box_absent(b, "dev/sda");
	box_absent(b, "dev/nil");
	box_absent(b, "zero");
	e = box_record(b, &s, "dev/null");
	assert_true(S_ISCHR(e.mode));
	assert_int_equal(e.mode & 07777, 0666);
	assert_int_equal(e.major, 1);
	assert_int_equal(e.minor, 3);
	assert_int_equal(e.flags, SIDECAR_NOT_MADE);
	sidecar_close(s);
	e = box_record(b, &s, "dev/nada");
	assert_int_equal(e.minor, 3);
	assert_int_equal(e.flags, SIDECAR_NOT_MADE | SIDECAR_HARDLINK);
}

static void test_implied(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e;

	tarmake_add(&b->tar,
		    &(struct tarmake_entry){ .type = '0', .name = "a/b/c", .uid = 5, .mtime = 55 });
	tarmake_add(&b->tar, &(struct tarmake_entry){
				     .type = '5', .name = "a/b", .mode = 0700, .mtime = 56 });
	assert_int_equal(box_unpack(b), 0);
	e = box_record(b, &s, "a");
	assert_int_equal(e.flags, SIDECAR_IMPLIED);
	assert_true(e.uid == 0);
	assert_int_equal(box_stat(b, "a").st_mode & 07777, 0755);
	assert_int_equal(box_stat(b, "a").st_uid, 0);
	sidecar_close(s);
	e = box_record(b, &s, "a/b");
	assert_int_equal(e.flags, 0);
	assert_int_equal(box_stat(b, "a/b").st_mode & 07777, 0700);
}

static void test_sparse(void **state)
{
	struct box *b = *state;
	struct stat st;
	char buf[8] = { 0 };
	_cleanup_(fd_closep) int fd = -1;

	tarmake_pax(&b->tar, 'x', "GNU.sparse.size", "1073741824", "GNU.sparse.map",
		    "0,3,1000000,2,1073741824,0", NULL);
	tarmake_file(&b->tar, "s", "abcde");
	assert_int_equal(box_unpack(b), 0);
	st = box_stat(b, "s");
	assert_true(st.st_size == 1 << 30);
	assert_true(st.st_blocks < 1000);
	fd = openat(b->tree, "s", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, buf, 3, 0), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(pread(fd, buf, 3, 999999), 3);
	assert_memory_equal(buf, "\0de", 3);
}

/* ---- limits and torn streams ---- */

static void test_limits(void **state)
{
	struct box *b = *state;

	tarmake_file(&b->tar, "a", "12345");
	tarmake_file(&b->tar, "b", "12345");
	b->limits = (struct untar_limits){ .entries = 1 };
	assert_int_equal(box_unpack(b), -EFBIG);
	box_renew(b);
	b->limits = (struct untar_limits){ .total_bytes = 9 };
	assert_int_equal(box_unpack_raw(b), -EFBIG);
	box_renew(b);
	b->limits = (struct untar_limits){ .entries = 2, .total_bytes = 10 };
	assert_int_equal(box_unpack_raw(b), 0);
	/* A lying size: the stream ends before. */
	box_renew(b);
	b->limits = (struct untar_limits){ 0 };
	b->tar.n = 0;
	tarmake_add(&b->tar, &(struct tarmake_entry){ .type = '0', .name = "a", .size = 1 << 30 });
	assert_int_equal(box_unpack_raw(b), -ENODATA);
}

static void test_truncated(void **state)
{
	struct box *b = *state;
	char data[1500];
	size_t whole, entry[4];
	int r;

	memset(data, 'd', sizeof(data));
	tarmake_dir(&b->tar, "d");
	entry[0] = b->tar.n;
	tarmake_add(&b->tar,
		    &(struct tarmake_entry){
			    .type = '0', .name = "d/f", .data = data, .data_len = sizeof(data) });
	entry[1] = b->tar.n;
	tarmake_pax(&b->tar, 'x', "path", "d/other", NULL);
	tarmake_file(&b->tar, "x", "text");
	entry[2] = b->tar.n;
	tarmake_end(&b->tar);
	whole = b->tar.n;
	entry[3] = entry[2] + 512;
	for (size_t n = 0; n <= whole; n += 512) {
		bool between = n == 0 || n == whole;

		for (size_t i = 0; i < ARRAY_SIZE(entry); i++)
			between = between || n == entry[i];
		b->tar.n = n;
		r = box_unpack_raw(b);
		assert_int_equal(r, between ? 0 : -ENODATA);
		box_renew(b);
		if (n == whole)
			break;
		/* And in the middle of a block; only padding of the last file may be missing. */
		b->tar.n = n + 100;
		r = box_unpack_raw(b);
		assert_int_equal(r, n + 512 == entry[2] ? 0 : -ENODATA);
		box_renew(b);
	}
}

static void test_piece_sizes(void **state)
{
	static const size_t sizes[] = { 1, 7, 511, 512, 513, 1024, 4096 };
	struct box *b = *state;
	char data[5000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)('a' + i % 26);
	tarmake_pax(&b->tar, 'x', "path", "d/f", NULL);
	tarmake_add(&b->tar,
		    &(struct tarmake_entry){
			    .type = '0', .name = "f", .data = data, .data_len = sizeof(data) });
	tarmake_file(&b->tar, "g", "last");
	tarmake_end(&b->tar);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char got[sizeof(data)];
		_cleanup_(fd_closep) int fd = -1;

		box_renew(b);
		b->piece = sizes[i];
		assert_int_equal(box_unpack_raw(b), 0);
		fd = openat(b->tree, "d/f", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd_read_full(fd, got, sizeof(got)), 0);
		assert_memory_equal(got, data, sizeof(data));
	}
}

static void test_seal(void **state)
{
	struct box *b = *state;
	struct sidecar_header h;
	struct digest d, c;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;

	memset(d.hex, 'a', 64);
	memset(c.hex, '9', 64);
	d.hex[64] = c.hex[64] = '\0';
	tarmake_file(&b->tar, "f", "12345");
	assert_int_equal(box_unpack(b), 0);
	assert_int_equal(sidecar_read_header(b->wrapper, &h, NULL), 0);
	assert_int_equal(h.marks, 0);
	assert_false(digest_is_set(&h.diff_id));
	assert_int_equal(untar_seal(b->wrapper, &d, &c, 1234, NULL), 0);
	assert_int_equal(sidecar_set_durable(b->wrapper, NULL), 0);
	assert_int_equal(sidecar_open(b->wrapper, &s, NULL), 0);
	h = *sidecar_get_header(s);
	assert_int_equal(h.marks, SIDECAR_SEALED | SIDECAR_DURABLE);
	assert_true(digest_equal(&h.diff_id, &d));
	assert_true(digest_equal(&h.compressed, &c));
	assert_int_equal(h.compressed_size, 1234);
	assert_int_equal(h.size, 5);
	assert_int_equal(h.counts.files, 1);
	assert_int_equal(h.counts.dirs, 1);
	assert_int_equal(h.id_count, b->ids);
	assert_int_equal(strlen(h.boot), ID_BOOT_LEN);
}

/* The verifier must see what a crash can do. */
static void test_verify(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;

	tarmake_file(&b->tar, "d/f", "12345");
	tarmake_link(&b->tar, '2', "l", "target");
	assert_int_equal(box_unpack(b), 0);
	assert_int_equal(sidecar_open(b->wrapper, &s, NULL), 0);
	box_put(b->tree, "d/f", "");
	assert_int_equal(sidecar_verify_tree(s, b->tree, NULL, NULL), -EUCLEAN);
	box_put(b->tree, "d/f", "12345");
	assert_int_equal(sidecar_verify_tree(s, b->tree, NULL, NULL), -EUCLEAN); /* time */
	assert_int_equal(unlinkat(b->tree, "d/f", 0), 0);
	assert_int_equal(sidecar_verify_tree(s, b->tree, NULL, NULL), -EUCLEAN); /* time of d */
}

static void test_mode_on_disk(void **state)
{
	(void)state;
	/* All ids are there. */
	assert_int_equal(sidecar_disk_mode(S_IFREG | 06755, 33, 34, 65536), S_IFREG | 06755);
	/* One id: only root's own bits stay. */
	assert_int_equal(sidecar_disk_mode(S_IFREG | 06755, 0, 0, 1), S_IFREG | 06755);
	assert_int_equal(sidecar_disk_mode(S_IFREG | 06755, 1, 1, 1), S_IFREG | 0755);
	assert_int_equal(sidecar_disk_mode(S_IFREG | 06755, 0, 1, 1), S_IFREG | 04755);
	assert_int_equal(sidecar_disk_mode(S_IFREG | 06755, 1, 0, 1), S_IFREG | 02755);
	assert_int_equal(sidecar_disk_mode(S_IFREG | 01644, 1, 1, 1), S_IFREG | 01644);
	/* Beyond the last one of many, too. */
	assert_int_equal(sidecar_disk_mode(S_IFREG | 04755, 70000, 0, 65536), S_IFREG | 0755);
	assert_int_equal(sidecar_disk_mode(S_IFDIR | 02775, 0, 8, 1), S_IFDIR | 02775);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(test_modes_and_times), BOX_TEST(test_owners),	     BOX_TEST(test_devices),
		BOX_TEST(test_implied),		BOX_TEST(test_sparse),	     BOX_TEST(test_limits),
		BOX_TEST(test_truncated),	BOX_TEST(test_piece_sizes),  BOX_TEST(test_seal),
		BOX_TEST(test_verify),		BOX_TEST(test_mode_on_disk),
	};

	return box_run(tests, ARRAY_SIZE(tests));
}
