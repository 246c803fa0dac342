/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "cm.h"
#include "watchdog/procfmt.h"
#include "watchdog/sample.h"

static int statm(const char *s, uint64_t *a, uint64_t *b)
{
	return procfmt_statm(s, strlen(s), a, b);
}

static void test_statm(void **state)
{
	uint64_t size = 0, resident = 0;

	(void)state;
	assert_int_equal(statm("2048 512 256 4 0 99 0\n", &size, &resident), 0);
	assert_int_equal(size, 2048);
	assert_int_equal(resident, 512);
	assert_true(statm("", &size, &resident) < 0);
	assert_true(statm("12", &size, &resident) < 0);
	assert_true(statm("12 x", &size, &resident) < 0);
	assert_true(statm("99999999999999999999999 1", &size, &resident) < 0);
	/* Only the length counts. */
	assert_true(procfmt_statm("12 345", 2, &size, &resident) < 0);
}

static void test_pss(void **state)
{
	static const char text[] = "55c0-7ffd ---p 00000000 00:00 0    [rollup]\n"
				   "Rss:                9000 kB\nPss:                1024 kB\n"
				   "Pss_Dirty:           400 kB\n";
	static const char parts[] = "x\nPss: 9000 kB\nPss_Anon: 1024 kB\nPss_File: 5928 kB\n"
				    "Pss_Shmem: 2048 kB\n";
	static const char part[] = "x\nPss: 9000 kB\nPss_Anon: 1024 kB\n";
	static const char huge[] = "x\nPss: 18014398509481984 kB\n";
	uint64_t v = 0;

	(void)state;
	assert_int_equal(procfmt_pss(text, sizeof(text) - 1, &v), 0);
	assert_int_equal(v, 1 << 20);
	/* Without the files of a disk, where the kernel tells them apart. */
	assert_int_equal(procfmt_pss(parts, sizeof(parts) - 1, &v), 0);
	assert_int_equal(v, 3 << 20);
	assert_int_equal(procfmt_pss(part, sizeof(part) - 1, &v), 0);
	assert_int_equal(v, 9000 << 10);
	assert_true(procfmt_pss(huge, sizeof(huge) - 1, &v) < 0);
	assert_true(procfmt_pss("Pss: 1 kB\n", 10, &v) < 0); /* not a line of its own */
	assert_true(procfmt_pss("\nPss:", 5, &v) < 0);
	assert_true(procfmt_pss("", 0, &v) < 0);
}

static int hold(void *arg)
{
	int *fds = arg;
	char c;

	fd_close(fds[1]);
	return fd_read_full(fds[0], &c, 1) < 0;
}

/* Of this machine: what a second process shares with us is not added twice. */
static void test_sample(void **state)
{
	_cleanup_(fd_closep) int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum { SIZE = 64 << 20 };
	uint64_t before, resident;
	struct sample s = { 0 };
	char *block = malloc(SIZE);
	struct proc p;
	int fds[2];

	(void)state;
	assert_true(dir >= 0);
	assert_non_null(block);
	assert_int_equal(sample_resident(dir, &before), 0);
	assert_true(before > 0);
	memset(block, 1, SIZE);
	assert_int_equal(fd_pipe(fds), 0);
	assert_int_equal(proc_clone(0, -1, hold, fds, &p), 0);
	/* Other processes of the machine come and go: only our own two are compared. */
	assert_int_equal(sample_resident(dir, &resident), 0);
	assert_int_equal(sample_proportional(dir, UINT64_MAX, resident, &s), 0);
	assert_true(s.bytes > SIZE / 2 && s.of >= s.bytes);
	/* It is known to be more before all is seen. */
	assert_int_equal(sample_proportional(dir, 1, resident, &s), 0);
	assert_true(s.bytes > 1 && s.of < resident);
	fd_close(fds[1]);
	fd_close(fds[0]);
	proc_kill(&p);
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statm),
		cmocka_unit_test(test_pss),
		cmocka_unit_test(test_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
