/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile archives: what shall be there is there, and nothing beside the tree was touched. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "untar_box.h"

/* ---- out of the tree ---- */

static void test_symlink_out(void **state)
{
	struct box *b = *state;

	tarmake_link(&b->tar, '2', "out", box_top);
	tarmake_file(&b->tar, "out/evil", "x");
	tarmake_file(&b->tar, "out/canary", "x");
	assert_int_equal(box_unpack(b), 0);
	/* It leads nowhere inside, so it gave way. */
	assert_true(S_ISDIR(box_stat(b, "out").st_mode));
	box_content(b, "out/evil", "x");
}

static void test_symlink_up(void **state)
{
	struct box *b = *state;

	tarmake_dir(&b->tar, "a");
	tarmake_link(&b->tar, '2', "a/up", "../../../..");
	tarmake_file(&b->tar, "a/up/evil", "x");
	tarmake_link(&b->tar, '2', "up", "..");
	tarmake_file(&b->tar, "up/canary", "x");
	assert_int_equal(box_unpack(b), 0);
	/* Above the root is the root, as for a process inside. */
	box_content(b, "evil", "x");
	box_content(b, "canary", "x");
	assert_true(S_ISLNK(box_stat(b, "up").st_mode));
}

static void test_symlink_inside(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e;
	size_t i;

	tarmake_dir(&b->tar, "usr/bin");
	tarmake_link(&b->tar, '2', "bin", "usr/bin");
	tarmake_link(&b->tar, '2', "usr/abs", "/bin");
	tarmake_file(&b->tar, "bin/one", "1");
	tarmake_file(&b->tar, "usr/abs/two", "2");
	tarmake_file(&b->tar, "usr/abs/sub/three", "3");
	tarmake_link(&b->tar, '1', "bin/uno", "bin/one");
	assert_int_equal(box_unpack(b), 0);
	box_content(b, "usr/bin/one", "1");
	box_content(b, "usr/bin/two", "2");
	box_content(b, "usr/bin/sub/three", "3");
	assert_true(S_ISLNK(box_stat(b, "bin").st_mode));
	assert_true(box_stat(b, "usr/bin/uno").st_ino == box_stat(b, "usr/bin/one").st_ino);
	/* The record knows where things are, not how they were called. */
	e = box_record(b, &s, "usr/bin/sub/three");
	assert_int_equal(e.size, 1);
	assert_int_equal(sidecar_find(s, "usr/abs/two", &i), -ENOENT);
}

static void test_symlink_loop(void **state)
{
	struct box *b = *state;

	tarmake_link(&b->tar, '2', "a", "b");
	tarmake_link(&b->tar, '2', "b", "a");
	tarmake_file(&b->tar, "a/file", "x");
	tarmake_link(&b->tar, '2', "self", "self/x");
	tarmake_file(&b->tar, "self/file", "y");
	assert_int_equal(box_unpack(b), 0);
	box_content(b, "a/file", "x");
	box_content(b, "self/file", "y");
}

static void test_absolute(void **state)
{
	struct box *b = *state;

	tarmake_file(&b->tar, "/etc/passwd", "x");
	tarmake_file(&b->tar, "//a/.//b/", "y");
	assert_int_equal(box_unpack(b), 0);
	box_content(b, "etc/passwd", "x");
	box_content(b, "a/b", "y");
}

static void test_over_symlink(void **state)
{
	struct box *b = *state;
	struct stat before, after;

	assert_int_equal(stat("/etc/passwd", &before), 0);
	tarmake_link(&b->tar, '2', "etc/passwd", "/etc/passwd");
	tarmake_file(&b->tar, "etc/passwd", "x");
	tarmake_link(&b->tar, '2', "canary", "../../canary");
	tarmake_file(&b->tar, "canary", "evil");
	tarmake_link(&b->tar, '2', "dir", "../..");
	tarmake_dir(&b->tar, "dir");
	tarmake_file(&b->tar, "dir/evil", "x");
	assert_int_equal(box_unpack(b), 0);
	box_content(b, "etc/passwd", "x");
	box_content(b, "canary", "evil");
	box_content(b, "dir/evil", "x");
	assert_int_equal(stat("/etc/passwd", &after), 0);
	assert_true(before.st_mtime == after.st_mtime && before.st_size == after.st_size);
}

static void test_refused_names(void **state)
{
	static const char *const names[] = { "../evil", "a/../../evil", "..",	      "a/..",
					     ".wh.",	".wh...",	".wh.a/file", "a/.wh..." };
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		b->tar.n = 0;
		tarmake_file(&b->tar, names[i], "x");
		assert_int_equal(box_unpack(b), -EBADMSG);
		box_renew(b);
	}
	b->tar.n = 0;
	tarmake_file(&b->tar, "./", "the root as a file");
	assert_int_equal(box_unpack(b), -EBADMSG);
}

static void test_hardlinks_refused(void **state)
{
	static const char *const rows[][2] = {
		/* symlink, then a hard link to this */
		{ "../../canary", "l/x" },
		{ "/etc", "l/passwd" },
		{ "..", "l/canary" },
	};
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		b->tar.n = 0;
		tarmake_link(&b->tar, '2', "l", rows[i][0]);
		tarmake_link(&b->tar, '1', "h", rows[i][1]);
		assert_int_equal(box_unpack(b), -ELOOP);
		box_renew(b);
	}
	b->tar.n = 0;
	tarmake_link(&b->tar, '1', "h", "../canary");
	assert_int_equal(box_unpack(b), -EBADMSG);
	box_renew(b);
	b->tar.n = 0;
	tarmake_link(&b->tar, '1', "h", "not/there");
	assert_int_equal(box_unpack(b), -ENOENT);
	assert_non_null(strstr(b->err.hint, "image is at fault"));
	b->err.hint[0] = '\0';
	box_renew(b);
	b->tar.n = 0;
	tarmake_dir(&b->tar, "d");
	tarmake_link(&b->tar, '1', "h", "d");
	assert_int_equal(box_unpack(b), -EPERM);
	assert_non_null(strstr(b->err.hint, "image is at fault"));
	b->err.hint[0] = '\0';
	box_renew(b);
	b->tar.n = 0;
	tarmake_link(&b->tar, '2', "s", "");
	assert_int_equal(box_unpack(b), -ENOENT);
	assert_non_null(strstr(b->err.hint, "image is at fault"));
}

static void test_hardlink_to_symlink(void **state)
{
	struct box *b = *state;

	tarmake_link(&b->tar, '2', "l", "../../canary");
	tarmake_link(&b->tar, '1', "h", "l");
	tarmake_link(&b->tar, '1', "i", "h");
	tarmake_file(&b->tar, "h", "replaces the link, not its target");
	assert_int_equal(box_unpack(b), 0);
	assert_true(S_ISLNK(box_stat(b, "i").st_mode));
	assert_true(S_ISREG(box_stat(b, "h").st_mode));
}

static void test_depth(void **state)
{
	struct box *b = *state;
	_cleanup_(freep) char *path = xcalloc(1, 2100);

	for (int i = 0; i < 1000; i++) {
		memcpy(path + 2L * i, "d/", 2);
		if (i % 100 == 99) {
			tarmake_long(&b->tar, 'L', path);
			tarmake_dir(&b->tar, "d");
		}
	}
	memcpy(path + 2000, "f", 2);
	tarmake_long(&b->tar, 'L', path);
	tarmake_file(&b->tar, "f", "deep");
	/* Up again: past what is kept open. */
	tarmake_file(&b->tar, "d/d/d/x", "back");
	memcpy(path + 200, "g", 2);
	tarmake_long(&b->tar, 'L', path);
	tarmake_file(&b->tar, "g", "half");
	assert_int_equal(box_unpack(b), 0);
	box_content(b, "d/d/d/x", "back");
	box_content(b, path, "half");
	box_renew(b);
	b->tar.n = 0;
	for (int i = 0; i < 1030; i++)
		memcpy(path + 2L * i, "d/", 2);
	tarmake_long(&b->tar, 'L', path);
	tarmake_dir(&b->tar, "d");
	assert_int_equal(box_unpack(b), -ENAMETOOLONG);
}

/* ---- last wins ---- */

static void test_duplicates(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e;
	size_t i;

	tarmake_file(&b->tar, "f", "first");
	tarmake_file(&b->tar, "f", "second");
	tarmake_file(&b->tar, "d/sub/file", "gone");
	tarmake_file(&b->tar, "d", "a file now");
	tarmake_file(&b->tar, "x", "a file first");
	tarmake_file(&b->tar, "x/y", "below it");
	tarmake_dir(&b->tar, "back");
	tarmake_file(&b->tar, "back/old", "gone");
	tarmake_link(&b->tar, '2', "back", "nowhere");
	tarmake_file(&b->tar, "back/new", "here");
	assert_int_equal(box_unpack(b), 0);
	box_content(b, "f", "second");
	box_content(b, "d", "a file now");
	box_content(b, "x/y", "below it");
	box_content(b, "back/new", "here");
	box_absent(b, "back/old");
	e = box_record(b, &s, "f");
	assert_int_equal(e.size, 6);
	assert_int_equal(sidecar_find(s, "d/sub", &i), -ENOENT);
	assert_int_equal(sidecar_find(s, "d/sub/file", &i), -ENOENT);
	assert_int_equal(sidecar_find(s, "back/old", &i), -ENOENT);
	assert_int_equal(sidecar_find(s, "back/new", &i), 0);
}

static void test_hardlink_replaced(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e;

	tarmake_file(&b->tar, "a", "first");
	tarmake_link(&b->tar, '1', "b", "a");
	tarmake_link(&b->tar, '1', "c", "b");
	tarmake_link(&b->tar, '1', "c", "c");
	tarmake_file(&b->tar, "a", "another file");
	tarmake_link(&b->tar, '1', "d", "a");
	assert_int_equal(box_unpack(b), 0);
	box_content(b, "a", "another file");
	box_content(b, "b", "first");
	box_content(b, "c", "first");
	box_content(b, "d", "another file");
	e = box_record(b, &s, "b");
	assert_int_equal(e.size, 5);
	assert_int_equal(e.group, 0);
	sidecar_close(s);
	e = box_record(b, &s, "d");
	assert_true(e.group != 0);
	assert_int_equal(sidecar_get_header(s)->counts.links, 3);
	/* "b" and "c" are one file that lost its first name: size counts a file's own record. */
	assert_int_equal(sidecar_get_header(s)->size, 12);
}

/* ---- overlay ---- */

static void test_whiteouts(void **state)
{
	struct box *b = *state;

	tarmake_dir(&b->tar, "d");
	tarmake_file(&b->tar, "d/.wh.gone", "");
	tarmake_file(&b->tar, "d/.wh.kept", "");
	tarmake_file(&b->tar, "d/kept", "this layer's");
	tarmake_file(&b->tar, "d/first", "stays");
	tarmake_file(&b->tar, "d/.wh.first", "");
	tarmake_file(&b->tar, "o/.wh..wh..opq", "");
	tarmake_dir(&b->tar, "o");
	tarmake_file(&b->tar, "o/f", "new");
	tarmake_file(&b->tar, ".wh..wh.plnk/x.y", "");
	tarmake_file(&b->tar, ".wh..wh.aufs", "");
	tarmake_dir(&b->tar, ".wh..wh.orph");
	assert_int_equal(box_unpack(b), 0);
	assert_true(box_whiteout(b, "d/gone"));
	box_content(b, "d/kept", "this layer's");
	box_content(b, "d/first", "stays");
	assert_true(box_opaque(b, "o"));
	assert_false(box_opaque(b, "d"));
	box_absent(b, ".wh..wh.plnk");
	box_absent(b, ".wh..wh.aufs");
	box_absent(b, ".wh..wh.orph");
	box_absent(b, "o/.wh..wh..opq");
}

static void test_whiteout_and_dir(void **state)
{
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct sidecar_entry e;

	tarmake_file(&b->tar, ".wh.after", "");
	tarmake_dir(&b->tar, "after");
	tarmake_dir(&b->tar, "before");
	tarmake_file(&b->tar, ".wh.before", "");
	tarmake_file(&b->tar, ".wh.implied", "");
	tarmake_file(&b->tar, "implied/file", "x");
	tarmake_file(&b->tar, ".wh..wh..opq", "");
	assert_int_equal(box_unpack(b), 0);
	/* A new directory where the lower one was deleted shows nothing of that. */
	assert_true(box_opaque(b, "after"));
	assert_true(box_opaque(b, "before"));
	assert_true(box_opaque(b, "implied"));
	assert_true(box_opaque(b, "."));
	e = box_record(b, &s, "implied");
	assert_int_equal(e.flags, SIDECAR_IMPLIED | SIDECAR_OPAQUE);
	sidecar_close(s);
	e = box_record(b, &s, "after");
	assert_int_equal(e.flags, SIDECAR_OPAQUE);
}

static void test_xattrs(void **state)
{
	static const char cap[] = "AQAAAgAgAAAAAAAAAAAAAAAAAAA="; /* cap_net_raw+ep */
	struct box *b = *state;
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	_cleanup_(fd_closep) int fd = -1;
	struct sidecar_entry e;
	struct sidecar_xattr x;
	uint32_t pos = 0, n = 0;
	char v[64];

	tarmake_pax(&b->tar, 'x', "SCHILY.xattr.user.mine", "yes",
		    "SCHILY.xattr.user.overlay.opaque", "y", "SCHILY.xattr.user.overlay.redirect",
		    "/etc", "SCHILY.xattr.user.fuseoverlayfs.opaque", "y",
		    "SCHILY.xattr.user.containers.override_stat", "0:0:0755",
		    "SCHILY.xattr.trusted.overlay.opaque", "y", "SCHILY.xattr.security.selinux",
		    "x", NULL);
	tarmake_dir(&b->tar, "d");
	tarmake_pax(&b->tar, 'x', "LIBARCHIVE.xattr.security.capability", cap,
		    "SCHILY.xattr.user.f", "1", NULL);
	tarmake_file(&b->tar, "ping", "x");
	assert_int_equal(box_unpack(b), 0);
	fd = openat(b->tree, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "user.mine", v, sizeof(v)), 3);
	assert_false(box_opaque(b, "d"));
	assert_int_equal(fgetxattr(fd, "user.overlay.redirect", v, sizeof(v)), -1);
	assert_int_equal(fgetxattr(fd, "user.fuseoverlayfs.opaque", v, sizeof(v)), -1);
	assert_int_equal(fgetxattr(fd, "user.containers.override_stat", v, sizeof(v)), -1);
	assert_int_equal(fgetxattr(fd, "trusted.overlay.opaque", v, sizeof(v)), -1);
	e = box_record(b, &s, "d");
	while (sidecar_xattr_next(&e, &pos, &x))
		n++;
	assert_int_equal(n, 7);
	fd_close(fd);
	fd = openat(b->tree, "ping", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "user.f", v, sizeof(v)), 1);
	assert_true(fgetxattr(fd, "security.capability", v, sizeof(v)) >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(test_symlink_out),
		BOX_TEST(test_symlink_up),
		BOX_TEST(test_symlink_inside),
		BOX_TEST(test_symlink_loop),
		BOX_TEST(test_absolute),
		BOX_TEST(test_over_symlink),
		BOX_TEST(test_refused_names),
		BOX_TEST(test_hardlinks_refused),
		BOX_TEST(test_hardlink_to_symlink),
		BOX_TEST(test_depth),
		BOX_TEST(test_duplicates),
		BOX_TEST(test_hardlink_replaced),
		BOX_TEST(test_whiteouts),
		BOX_TEST(test_whiteout_and_dir),
		BOX_TEST(test_xattrs),
	};

	return box_run(tests, ARRAY_SIZE(tests));
}
