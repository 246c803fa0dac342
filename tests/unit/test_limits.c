/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cm.h"
#include "runtime/enforced.h"
#include "runtime/limits.h"
#include "runtime/oom.h"
#include "tempdir.h"

static void test_any(void **state)
{
	_cleanup_(limits_done) struct limits l = { 0 };
	struct limits_throttle t = { LIMITS_WRITE_IOPS, strdup("/dev/sda"), 10 };

	(void)state;
	assert_false(limits_any(&l));
	l.pids = l.memory_swap = -1;
	assert_false(limits_any(&l));
	l.pids = 5;
	assert_true(limits_any(&l));
	l.pids = 0;
	limits_add_throttle(&l, &t);
	assert_true(limits_any(&l));
	assert_string_equal(limits_throttle_name(l.throttles[0].kind), "device-write-iops");
}

static void test_enforced(void **state)
{
	_cleanup_(enforced_done) struct enforced e = { 0 }, back = { 0 };
	enum { MANY = LIMITS_THROTTLES_MAX + 30 };
	char name[200];
	struct tempdir d;

	(void)state;
	assert_int_equal(tempdir_make(&d), 0);
	assert_int_equal(enforced_read(d.fd, &back, NULL), -ENOENT);
	enforced_add(&e, "memory", "64 MiB", "watchdog", DCODE_NO_CGROUP, "PSS, every %d ms", 50);
	enforced_add(&e, "pids-limit", "20", "cgroup v2", DCODE_NONE, "%s", "");
	assert_int_equal(enforced_write(d.fd, &e, NULL), 0);
	assert_int_equal(enforced_read(d.fd, &back, NULL), 0);
	assert_int_equal(back.n, 2);
	assert_string_equal(back.rows[0].what, "memory");
	assert_string_equal(back.rows[0].asked, "64 MiB");
	assert_string_equal(back.rows[0].by, "watchdog");
	assert_string_equal(back.rows[0].detail, "PSS, every 50 ms");
	assert_int_equal(back.rows[0].dcode, DCODE_NO_CGROUP);
	assert_int_equal(back.rows[1].dcode, DCODE_NONE);
	assert_string_equal(back.rows[1].detail, "");
	assert_ptr_equal(enforced_find(&back, "pids-limit"), &back.rows[1]);
	assert_null(enforced_find(&back, "cpus"));

	/* Too long a text is cut; as many rows as can be asked for are all there. */
	enforced_done(&back);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < MANY; i++)
		enforced_add(&e, name, name, name, DCODE_NO_CGROUP, "%s%s", name, name);
	assert_int_equal(e.n, 2 + MANY);
	assert_int_equal(enforced_write(d.fd, &e, NULL), 0);
	assert_int_equal(enforced_read(d.fd, &back, NULL), 0);
	assert_int_equal(back.n, 2 + MANY);
	tempdir_remove(&d);
}

static int parse(const char *text)
{
	_cleanup_(enforced_done) struct enforced e = { 0 };

	return enforced_parse(text, strlen(text), &e);
}

static void test_enforced_torn(void **state)
{
	(void)state;
	assert_int_equal(parse("carrel-enforced 1\nend\n"), 0);
	assert_int_equal(parse("carrel-enforced 1\nwhat=memory\nasked=1\n"), -EINVAL);
	assert_int_equal(parse("carrel-enforced 1\nwhat=memory\nasked=1\nend\n"), -ENODATA);
	assert_int_equal(parse("carrel-enforced 2\nend\n"), -EPROTONOSUPPORT);
	/* A code of a later version is none. */
	assert_int_equal(
		parse("carrel-enforced 1\nwhat=m\nasked=1\nby=x\ndetail=\ncode=D-99\nend\n"), 0);
}

static bool oom(const char *text)
{
	return oom_in_events(text, strlen(text));
}

static void test_oom(void **state)
{
	static const char text[] = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 1\noom_group_kill 0\n";
	int fd = fd_memfd("events", text, sizeof(text) - 1);

	(void)state;
	assert_true(oom_happened(fd));
	assert_true(oom_happened(fd)); /* from the beginning each time */
	fd_close(fd);
	assert_false(oom_happened(-1));
	assert_false(oom("low 0\noom 7\noom_kill 0\noom_group_kill 1\n"));
	assert_true(oom("oom_kill 12"));
	assert_false(oom("oom_kill "));
	assert_false(oom(""));
	assert_false(oom("xoom_kill 1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_enforced),
		cmocka_unit_test(test_enforced_torn),
		cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
