/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/procstat.h"

/* Behind the state; tpgid and nice are negative. */
#define REST " 3 17 17 0 -1 4194368 5 6 7 8 100 20 3 4 20 -5 3 0 99 1000 11 1 1\n"

static void check(const char *text)
{
	struct procstat st = { 0 };

	assert_int_equal(procstat_parse(text, strlen(text), &st), 0);
	assert_int_equal(st.state, 'S');
	assert_int_equal(st.parent, 3);
	assert_int_equal(st.flags, 4194368);
	assert_int_equal(st.ticks, 127);
	assert_int_equal(st.threads, 3);
	assert_int_equal(st.start_time, 99);
	assert_int_equal(st.rss_pages, 11);
}

/* A process chooses its name: it may look like the rest of the line, or be no text at all. */
static void test_names(void **state)
{
	(void)state;
	check("17 (sh) S" REST);
	check("17 (a) R 1 1 (b) ) S" REST);
	check("17 (a) D 5 (b) S" REST);
	check("17 (a\n18 (b) R 1\n) S" REST);
	check("17 ()) S" REST);
	check("17 () S" REST);
	check("17 (\xff(-\t) S" REST);
}

static int parse(const char *text, size_t n)
{
	/* To the byte, for the sanitizers. */
	_cleanup_(freep) char *copy = xmemdup(text, n);
	struct procstat st = { .state = 'x' };
	int r = procstat_parse(copy, n, &st);

	assert_true(r == 0 || (r == -EINVAL && st.state == 'x'));
	return r;
}

/* Whole up to what is behind the last number that counts, or not at all. */
static void test_cut(void **state)
{
	static const char line[] = "17 (a) b) S" REST;
	size_t enough = (size_t)(strstr(line, " 1 1\n") + 1 - line);

	(void)state;
	for (size_t n = 0; n < sizeof(line); n++)
		assert_int_equal(parse(line, n), n < enough ? -EINVAL : 0);
}

static void test_refused(void **state)
{
	static const char *const lines[] = {
		"17 sh S" REST,
		"17 (sh)S" REST,
		"17 (sh) S  3" REST,
		"17 (sh) S x" REST,
		"17 (sh) S -" REST,
		"17 (sh) S 1x" REST,
		"17 (sh) S 99999999999999999999" REST,
		"17 (sh) S\n" REST,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(parse(lines[i], strlen(lines[i])), -EINVAL);
}

static void test_own(void **state)
{
	_cleanup_(fd_closep) int fd = proc_open_file(getpid(), "stat");
	struct procstat st;
	uint64_t start;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(procstat_read(fd, &st), 0);
	assert_int_equal(st.parent, getppid());
	assert_int_equal(st.state, 'R');
	assert_int_equal(st.threads, 1);
	assert_int_equal(proc_start_time(getpid(), &start), 0);
	assert_int_equal(st.start_time, start);
	assert_int_equal(procstat_read(-1, &st), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
