/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "cm.h"
#include "storage/sweep.h"
#include "teststore.h"

static void test_make_and_reopen(void **state)
{
	struct teststore t;
	struct store *again;
	char uuid[37];

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	memcpy(uuid, t.s->uuid, sizeof(uuid));
	assert_int_equal(strlen(uuid), 36);
	assert_int_equal(store_open(t.path, 0, &again, &t.err), 0);
	assert_string_equal(again->uuid, uuid);
	store_close(again);
	assert_int_equal(store_open(t.path, STORE_READONLY, &again, &t.err), 0);
	store_close(again);
	teststore_close(&t);
}

static void test_relocatable(void **state)
{
	struct teststore t;
	struct store *moved;
	char to[320];

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	(void)snprintf(to, sizeof(to), "%s/elsewhere", t.dir.path);
	assert_int_equal(rename(t.path, to), 0);
	assert_int_equal(store_open(to, STORE_CREATE, &moved, &t.err), 0);
	assert_string_equal(moved->uuid, t.s->uuid);
	assert_string_equal(moved->runtime_path, t.s->runtime_path);
	store_close(moved);
	teststore_close(&t);
}

static void test_refusals(void **state)
{
	struct teststore t;
	struct store *s = NULL;
	char path[320];

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	(void)snprintf(path, sizeof(path), "%s/none", t.dir.path);
	assert_int_equal(store_open(path, STORE_READONLY, &s, &t.err), -ENOENT);
	assert_int_not_equal(t.err.hint[0], '\0');
	assert_int_equal(access(path, F_OK), -1);

	/* A directory with somebody's files is not taken over, and nothing in it changes. */
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/none/thesis.tex", t.dir.path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/none", t.dir.path);
	assert_int_equal(store_open(path, STORE_CREATE, &s, &t.err), -ENOTEMPTY);
	assert_non_null(strstr(t.err.text, "thesis.tex"));
	(void)snprintf(path, sizeof(path), "%s/none/layers", t.dir.path);
	assert_int_equal(access(path, F_OK), -1);

	/* Not a directory. */
	(void)snprintf(path, sizeof(path), "%s/store/version", t.dir.path);
	assert_int_equal(store_open(path, STORE_CREATE, &s, &t.err), -ENOTDIR);
	assert_int_not_equal(t.err.hint[0], '\0');
	assert_null(s);
	teststore_close(&t);
}

static void test_versions(void **state)
{
	static const char newer[] = "carrel-store 2\nuuid=x\nend\n", junk[] = "hello\n";
	struct teststore t;
	struct store *s = NULL;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(file_publish(t.s->root_fd, "version", newer, strlen(newer), 0644, 0), 0);
	assert_int_equal(store_open(t.path, STORE_CREATE, &s, &t.err), -EPROTONOSUPPORT);
	assert_non_null(strstr(t.err.text, "newer"));
	assert_int_equal(file_publish(t.s->root_fd, "version", junk, strlen(junk), 0644, 0), 0);
	assert_int_equal(store_open(t.path, STORE_CREATE, &s, &t.err), -EINVAL);
	assert_int_equal(store_open(t.path, STORE_READONLY, &s, &t.err), -EINVAL);
	teststore_close(&t);
}

/* Many first commands at once: all get the same store. */
static void test_race_to_make(void **state)
{
	enum { N = 24 };
	struct tempdir dir;
	char path[300], uuids[N][37];
	int go[2], out[2];

	(void)state;
	assert_int_equal(tempdir_make(&dir), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", dir.path, 1), 0);
	(void)snprintf(path, sizeof(path), "%s/a/b/store", dir.path);
	assert_int_equal(fd_pipe(go), 0);
	assert_int_equal(fd_pipe(out), 0);
	for (int i = 0; i < N; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			struct error err = { 0 };
			struct store *s;
			char c;

			(void)close(go[1]);
			ignore_result(read(go[0], &c, 1)); /* the end of file is the start */
			if (store_open(path, STORE_CREATE, &s, &err) < 0)
				_exit(1);
			_exit(fd_write_all(out[1], s->uuid, 37) < 0);
		}
	}
	fd_close(go[1]);
	for (int i = 0; i < N; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(fd_read_full(out[0], uuids, sizeof(uuids)), 0);
	for (int i = 1; i < N; i++)
		assert_string_equal(uuids[i], uuids[0]);
	fd_close(go[0]);
	fd_close(out[0]);
	fd_close(out[1]);
	tempdir_remove(&dir);
}

static size_t count_names(int fd, const char *dir)
{
	_cleanup_(strv_done) struct strv names = { 0 };

	return store_names(fd, dir, &names) < 0 ? 0 : names.n;
}

/* The clock of a file system goes by ticks: what is made from here on is younger than `name`, whose
 * own time stays. */
static void next_tick(int dirfd, const char *name)
{
	struct stat a, b;

	assert_int_equal(fstatat(dirfd, name, &a, 0), 0);
	do {
		assert_int_equal(fchmod(dirfd, 0700), 0);
		assert_int_equal(fstat(dirfd, &b), 0);
	} while (a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec);
}

/* What this command has added goes first, however much is there. */
static void test_trash_order(void **state)
{
	enum { FILES = 100, DIRS = 12 };
	char name[64];
	struct teststore t;
	unsigned budget_ms = 0;
	int trash, r;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	trash = store_dir(t.s, "trash");
	for (int k = 0; k < DIRS; k++) {
		(void)snprintf(name, sizeof(name), "%s%d", k < DIRS / 2 ? "pile" : "own", k);
		assert_int_equal(mkdirat(trash, name, 0700), 0);
		for (int i = 0; i < FILES; i++) {
			(void)snprintf(name, sizeof(name), "%s%d/%d", k < DIRS / 2 ? "pile" : "own",
				       k, i);
			assert_int_equal(mknodat(trash, name, S_IFREG | 0600, 0), 0);
		}
		if (k == DIRS / 2 - 1)
			next_tick(trash, name);
	}
	do {
		size_t own = 0, pile = 0;

		/* More each time: a slow machine gets there, too. */
		r = store_empty_trash(trash, ++budget_ms, &t.err);
		assert_true(r == 0 || r == 1);
		for (int k = 0; k < DIRS; k++) {
			(void)snprintf(name, sizeof(name), "%s%d", k < DIRS / 2 ? "pile" : "own",
				       k);
			*(k < DIRS / 2 ? &pile : &own) += count_names(trash, name);
		}
		assert_true(own == 0 || pile == (size_t)FILES * (DIRS / 2));
	} while (r == 1);
	assert_int_equal(store_has_trash(t.s), 0);
	fd_close(trash);
	teststore_close(&t);
}

static void test_staging_and_trash(void **state)
{
	char name[STORE_STAGING_NAME_MAX];
	_cleanup_(strv_done) struct strv left = { 0 };
	struct teststore t;
	int fd, lock, trash;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(store_staging_new(t.s, name, &fd, &lock, &t.err), 0);
	assert_int_equal(mkdirat(fd, "wrapper", 0700), 0);
	/* A living one is not swept. */
	assert_int_equal(store_sweep(t.s, &t.err), 0);
	assert_int_equal(faccessat(fd, "wrapper", F_OK, 0), 0);
	assert_int_equal(store_has_trash(t.s), 0);
	/* A dead one is. */
	fd_close(lock);
	fd_close(fd);
	assert_int_equal(store_sweep(t.s, &t.err), 0);
	assert_int_equal(store_names(t.s->root_fd, "staging", &left), 0);
	assert_int_equal(left.n, 0);
	assert_int_equal(store_has_trash(t.s), 1);
	trash = store_dir(t.s, "trash");
	assert_int_equal(store_empty_trash(trash, 0, &t.err), 0);
	assert_int_equal(store_has_trash(t.s), 0);
	fd_close(trash);

	assert_int_equal(store_staging_new(t.s, name, &fd, &lock, &t.err), 0);
	fd_close(fd);
	store_staging_end(t.s, name, lock);
	assert_int_equal(store_names(t.s->root_fd, "staging", &left), 0);
	assert_int_equal(left.n, 0);
	teststore_close(&t);
}

/* Another node's staging directory is its own business, whatever its lock looks like from here. */
static void test_foreign_node(void **state)
{
	struct teststore t;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(mkdirat(t.s->root_fd, "staging/00000000ffffffff-77-0123456789abcdef",
				 0700),
			 0);
	assert_int_equal(store_sweep(t.s, &t.err), 0);
	assert_int_equal(faccessat(t.s->root_fd, "staging/00000000ffffffff-77-0123456789abcdef",
				   F_OK, 0),
			 0);
	teststore_close(&t);
}

static void test_blobs(void **state)
{
	struct digest d = { "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" };
	struct teststore t;
	size_t len;
	char *text;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(store_blob_read(t.s, &d, 10, &text, &len, &t.err), -ENOENT);
	assert_int_equal(store_blob_put(t.s, &d, "hello", 5, &t.err), 0);
	assert_int_equal(store_blob_put(t.s, &d, "hello", 5, &t.err), 0);
	assert_int_equal(store_blob_read(t.s, &d, 10, &text, &len, &t.err), 0);
	assert_int_equal(len, 5);
	assert_string_equal(text, "hello");
	free(text);
	assert_int_equal(store_blob_read(t.s, &d, 4, &text, &len, &t.err), -EFBIG);
	teststore_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_and_reopen), cmocka_unit_test(test_relocatable),
		cmocka_unit_test(test_refusals),	cmocka_unit_test(test_versions),
		cmocka_unit_test(test_race_to_make),	cmocka_unit_test(test_staging_and_trash),
		cmocka_unit_test(test_trash_order),	cmocka_unit_test(test_foreign_node),
		cmocka_unit_test(test_blobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
