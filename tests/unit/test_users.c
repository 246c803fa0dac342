/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/users.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken:line\n"
			     "ann:x:33:34:Ann,,,:/home/ann:/bin/sh\n"
			     "1:x:77:77::/one:/bin/sh\n"
			     "rel:x:78:78::home:/bin/sh";
static const char group[] = "root:x:0:\ng34:x:34:\nmore:x:44:bob,ann\nmore2:x:45:annx,xann\n"
			    "more3:x:46:ann";
static struct user u;

static int resolve(const char *spec)
{
	memset(&u, 0, sizeof(u));
	return users_resolve(spec, passwd, group, &u, NULL);
}

static void check(const char *spec, uid_t uid, gid_t gid, unsigned n_groups, const char *home)
{
	assert_int_equal(resolve(spec), 0);
	assert_int_equal(u.uid, uid);
	assert_int_equal(u.gid, gid);
	assert_int_equal(u.n_groups, n_groups);
	assert_int_equal(u.groups[0], gid);
	assert_string_equal(u.home, home);
}

/* CVE-2026-30892: a form that is read wrongly becomes root. */
static void test_every_form(void **state)
{
	(void)state;
	check("", 0, 0, 1, "/root");
	check("root", 0, 0, 1, "/root");
	check("ann", 33, 34, 3, "/home/ann");
	assert_int_equal(u.groups[1], 44);
	assert_int_equal(u.groups[2], 46);
	check("33", 33, 34, 3, "/home/ann");
	check("1", 1, 0, 1, "/"); /* never the user whose name is "1" */
	check("2", 2, 0, 1, "/");
	check("2:5", 2, 5, 1, "/");
	check("ann:5", 33, 5, 1, "/home/ann");
	check("ann:more", 33, 44, 1, "/home/ann");
	check("ann:", 33, 34, 3, "/home/ann");
	check(":more", 0, 44, 1, "/root");
	check("rel", 78, 78, 1, "/");
}

static void test_unknown(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(resolve("nobody"), -ENOENT);
	assert_int_equal(resolve("ann:nogroup"), -ENOENT);
	assert_int_equal(resolve("-1"), -ENOENT);
	assert_int_equal(resolve("4294967296"), -ENOENT);
	assert_int_equal(resolve("broken"), -ENOENT);
	assert_int_equal(users_resolve("x", passwd, group, &u, &err), -ENOENT);
	assert_int_equal(error_exit_status(&err), EXIT_OURS);
	assert_int_equal(users_resolve("5", NULL, NULL, &u, NULL), 0);
	assert_int_equal(u.uid, 5);
}

/* setresuid(2) takes (uid_t)-1 as "no change": such a user would stay root. */
static void test_no_change_is_no_id(void **state)
{
	static const char users[] = "app:x:4294967295:5::/:\ngrp:x:5:4294967295::/:\n";
	static const char *const specs[] = { "4294967295", "4294967295:0", "5:4294967295", "app",
					     "grp" };

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		assert_int_equal(users_resolve(specs[i], users, NULL, &u, NULL), -EINVAL);
}

/* CVE class 2020: a FIFO as /etc/passwd must not hang, a link must not lead out. */
static void test_hostile_files(void **state)
{
	char dir[] = "/tmp/test_users.XXXXXX";
	int fd, big;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fd, "etc", 0755), 0);
	assert_int_equal(mknodat(fd, "etc/passwd", S_IFIFO | 0644, 0), 0);
	assert_int_equal(symlinkat("/proc/self/environ", fd, "etc/group"), 0);
	assert_int_equal(users_lookup(fd, "33:44", &u, NULL), 0);
	assert_int_equal(u.uid, 33);
	assert_int_equal(users_lookup(fd, "root", &u, NULL), -ENOENT);
	assert_int_equal(unlinkat(fd, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", fd, "etc/passwd"), 0); /* a loop inside */
	assert_int_equal(users_lookup(fd, "root", &u, NULL), -ENOENT);
	assert_int_equal(unlinkat(fd, "etc/passwd", 0), 0);
	/* Endless: a number needs nothing of it. */
	big = openat(fd, "etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(big, USERS_FILE_MAX + 2), 0);
	fd_close(big);
	assert_int_equal(users_lookup(fd, "root", &u, NULL), -EFBIG);
	assert_int_equal(users_lookup(fd, "5:6", &u, NULL), 0);
	assert_true(u.uid == 5 && u.gid == 6);
	assert_int_equal(users_lookup(fd, "", &u, NULL), 0);
	assert_int_equal(u.uid, 0);
	(void)unlinkat(fd, "etc/passwd", 0);
	(void)unlinkat(fd, "etc/group", 0);
	(void)unlinkat(fd, "etc", AT_REMOVEDIR);
	fd_close(fd);
	(void)rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_no_change_is_no_id),
		cmocka_unit_test(test_hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
