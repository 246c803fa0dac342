/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libarchive as the second opinion: GNU tar packs one odd tree in each of its formats, libarchive
 * says what is in the archive, and the tree and record that we made of it must say the same.
 */
#include "config.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "storage/rmtree.h"
#include "untar_box.h"

enum {
	BLOCK = 64 << 10,
	ARCHIVE_MAX = 64 << 20,
};

static const char *const formats[][6] = {
	{ "--format=v7" },
	{ "--format=ustar" },
	{ "--format=gnu" },
	{ "--format=oldgnu" },
	{ "--format=pax", "--xattrs", "--xattrs-include=user.*" },
	{ "--format=gnu", "--sparse" },
	{ "--format=pax", "--sparse", "--sparse-version=0.0" },
	{ "--format=pax", "--sparse", "--sparse-version=0.1" },
	{ "--format=pax", "--sparse", "--sparse-version=1.0" },
};

static void make_sparse(int dirfd, const char *name, int pieces)
{
	_cleanup_(fd_closep) int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (int i = 0; i < pieces; i++)
		assert_int_equal(pwrite(fd, "data", 4, (off_t)i * 65536 + 5), 4);
	assert_int_equal(ftruncate(fd, (off_t)pieces * 65536 + 100000), 0);
}

static void make_deep(int dirfd)
{
	char name[100];
	int fd = fd_dup(dirfd);

	/* 400 bytes: past what ustar and v7 can hold, which GNU tar then leaves out. */
	memset(name, 'n', 80);
	for (int i = 0; i < 5; i++) {
		int next;

		(void)snprintf(name + 80, sizeof(name) - 80, "%d", i);
		assert_int_equal(mkdirat(fd, name, 0750), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		box_put(next, "file", name);
		fd_close(fd);
		fd = next;
	}
	fd_close(fd);
}

static void make_source(struct box *b)
{
	const struct timespec old[2] = { { 1000000000, 123456789 }, { 1000000000, 123456789 } };
	_cleanup_(fd_closep) int fd = -1;
	char target[200];

	assert_int_equal(mkdirat(b->wrapper, "source", 0711), 0);
	fd = openat(b->wrapper, "source", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	box_put(fd, "plain", "some text\n");
	box_put(fd, "empty", "");
	box_put(fd, "sp ace\nnew\xff line", "odd name");
	assert_int_equal(fchmodat(fd, "plain", 04751, 0), 0);
	assert_int_equal(utimensat(fd, "plain", old, 0), 0);
	assert_int_equal(linkat(fd, "plain", fd, "hard", 0), 0);
	assert_int_equal(mkdirat(fd, "dir", 0755), 0);
	assert_int_equal(linkat(fd, "plain", fd, "dir/hard", 0), 0);
	assert_int_equal(symlinkat("plain", fd, "soft"), 0);
	assert_int_equal(linkat(fd, "soft", fd, "zsoft-again", 0), 0);
	memset(target, 't', 180);
	target[180] = '\0';
	assert_int_equal(symlinkat(target, fd, "long-link"), 0);
	assert_int_equal(mkfifoat(fd, "fifo", 0604), 0);
	assert_int_equal(fchmodat(fd, "dir", 02770, 0), 0);
	make_sparse(fd, "sparse1", 1);
	make_sparse(fd, "sparse60", 60); /* more than one continuation block */
	make_deep(fd);
	if (b->ids > 1)
		assert_int_equal(fchownat(fd, "empty", 33, 44, 0), 0);
}

/* The archive of GNU tar into b->tar. */
static void pack(struct box *b, const char *const *options)
{
	_cleanup_(freep) char *out = NULL;
	char dir[64];
	const char *argv[16] = { "tar", "-c", "-f", "-", "--numeric-owner" };
	size_t n = 5, len;
	int fds[2], status;
	pid_t pid;

	for (; *options; options++)
		argv[n++] = *options;
	(void)snprintf(dir, sizeof(dir), "-C/proc/self/fd/%d/source", b->wrapper);
	argv[n++] = dir;
	argv[n++] = ".";
	assert_int_equal(fd_pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Complaints about names that v7 cannot hold are not news. */
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (dup2(fds[1], STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
		    fd_set_cloexec(b->wrapper, false) == 0)
			(void)execvp("tar", (char *const *)argv); /* 127 tells */
		_exit(127);
	}
	fd_close(fds[1]);
	assert_int_equal(fd_read_to_end(fds[0], ARCHIVE_MAX, &out, &len), 0);
	fd_close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 2 && len > 0);
	b->tar.n = 0;
	tarmake_bytes(&b->tar, out, len);
}

/* The tar's "./a/b/" is "a/b" for us. */
static const char *clean(const char *path, char *buf, size_t size)
{
	size_t n;

	path = str_starts(path, "./") ? path + 2 : str_eq(path, ".") ? "" : path;
	assert_int_equal(str_copy(buf, size, path), 0);
	n = strlen(buf);
	if (n && buf[n - 1] == '/')
		buf[n - 1] = '\0';
	return buf;
}

static void compare_data(struct archive *a, struct box *b, const char *path)
{
	_cleanup_(freep) char *got = xcalloc(1, BLOCK);
	_cleanup_(fd_closep) int fd = openat(b->tree, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const void *data;
	size_t n;
	la_int64_t at, end = 0;

	assert_true(fd >= 0);
	while (archive_read_data_block(a, &data, &n, &at) == ARCHIVE_OK) {
		while (end < at) {
			size_t k = at - end < BLOCK ? (size_t)(at - end) : BLOCK;

			assert_int_equal(pread(fd, got, k, end), k);
			assert_true(got[0] == 0 && memcmp(got, got + 1, k - 1) == 0);
			end += (la_int64_t)k;
		}
		for (size_t done = 0; done < n;) {
			size_t k = n - done < BLOCK ? n - done : BLOCK;

			assert_int_equal(pread(fd, got, k, at + (off_t)done), k);
			assert_memory_equal(got, (const char *)data + done, k);
			done += k;
		}
		end = at + (la_int64_t)n;
	}
}

static void compare_xattrs(struct archive_entry *e, const struct sidecar_entry *rec)
{
	struct sidecar_xattr x;
	uint32_t pos = 0;
	int n = 0;

	while (sidecar_xattr_next(rec, &pos, &x))
		n++;
	assert_int_equal(n, archive_entry_xattr_count(e));
}

static void compare_entry(struct archive *a, struct archive_entry *e, struct box *b,
			  const struct sidecar *s)
{
	char path[4096], link[4096];
	struct sidecar_entry rec;
	struct stat st;
	size_t i;

	(void)clean(archive_entry_pathname(e), path, sizeof(path)); /* it is path */
	if (sidecar_find(s, path, &i) < 0)
		fail_msg("no record of %s", path);
	sidecar_get(s, i, &rec);
	st = box_stat(b, *path ? path : ".");
	if (archive_entry_hardlink(e)) {
		struct stat to = box_stat(b, clean(archive_entry_hardlink(e), link, sizeof(link)));

		assert_true(to.st_ino == st.st_ino);
		assert_true((rec.flags & SIDECAR_HARDLINK) && rec.group);
		return;
	}
	assert_int_equal(st.st_mode & S_IFMT, archive_entry_filetype(e));
	assert_int_equal(rec.mode, archive_entry_mode(e));
	assert_true((la_int64_t)rec.uid == archive_entry_uid(e));
	assert_true((la_int64_t)rec.gid == archive_entry_gid(e));
	assert_true(rec.mtime == archive_entry_mtime(e));
	assert_int_equal(rec.mtime_ns, archive_entry_mtime_nsec(e));
	assert_true(st.st_mtim.tv_sec == archive_entry_mtime(e));
	compare_xattrs(e, &rec);
	if (S_ISLNK(st.st_mode))
		assert_string_equal(rec.link, archive_entry_symlink(e));
	else
		assert_int_equal(st.st_mode & 07777, archive_entry_perm(e));
	if (S_ISREG(st.st_mode)) {
		assert_true(st.st_size == archive_entry_size(e));
		compare_data(a, b, path);
	}
}

static size_t compare(struct box *b)
{
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	size_t n = 0;
	int r;

	assert_int_equal(sidecar_open(b->wrapper, &s, NULL), 0);
	assert_int_equal(archive_read_support_format_tar(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_memory(a, b->tar.p, b->tar.n), ARCHIVE_OK);
	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		compare_entry(a, e, b, s);
		n++;
	}
	if (r != ARCHIVE_EOF)
		fail_msg("libarchive: %s", archive_error_string(a));
	assert_int_equal(n, b->stats.entries);
	/* Nothing implied, nothing more. */
	assert_int_equal(n, sidecar_count(s));
	assert_int_equal(archive_read_free(a), ARCHIVE_OK);
	return n;
}

static void test_formats(void **state)
{
	struct box *b = *state;

	make_source(b);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		pack(b, formats[i]);
		assert_int_equal(box_unpack_raw(b), 0);
		assert_true(compare(b) > 12);
		if (formats[i][1] && str_eq(formats[i][1], "--sparse"))
			assert_true(box_stat(b, "sparse60").st_blocks < 60 * 128);
		fd_close(b->tree);
		b->tree = -1;
		assert_int_equal(rmtree(b->wrapper, "tree", 0, 0), 0);
		assert_int_equal(unlinkat(b->wrapper, SIDECAR_NAME, 0), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(test_formats),
	};

	return box_run(tests, ARRAY_SIZE(tests));
}
