/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/conf.h"
#include "base/fd.h"
#include "base/str.h"
#include "cm.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_find.h"
#include "runtime/cgroup_set.h"
#include "runtime/cgroup_value.h"
#include "runtime/usage.h"
#include "tempdir.h"

static void test_weight(void **state)
{
	static const struct {
		uint64_t shares;
		uint32_t weight;
	} rows[] = {
		{ 0, 1 },
		{ 2, 1 },
		{ 15, 1 },
		{ 16, 2 },
		{ 256, 25 },
		{ 512, 50 },
		{ 1024, 100 },
		{ 2048, 200 },
		{ 102400, 10000 },
		{ 262144, 10000 },
		{ UINT64_MAX, 10000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(cgroup_weight_of_shares(rows[i].shares), rows[i].weight);
	for (uint64_t s = 2, last = 1; s <= 262144; s += 61) {
		uint32_t w = cgroup_weight_of_shares(s);

		assert_true(w >= last && w <= 10000);
		last = w;
	}
	assert_int_equal(cgroup_io_weight(10), 1);
	assert_int_equal(cgroup_io_weight(500), 4950);
	assert_int_equal(cgroup_io_weight(1000), 10000);
}

static void test_values(void **state)
{
	char buf[CGROUP_VALUE_MAX];

	(void)state;
	assert_int_equal(cgroup_cpu_max(50000, 0, buf), 0);
	assert_string_equal(buf, "50000 100000");
	assert_int_equal(cgroup_cpu_max(50000, 20000, buf), 0);
	assert_string_equal(buf, "50000 20000");
	assert_int_equal(cgroup_cpu_max(0, 20000, buf), 0);
	assert_string_equal(buf, "max 20000");
	/* docker's --memory-swap is both together; not given, it is twice the memory */
	assert_int_equal(cgroup_swap_max(1000, 0, buf), 0);
	assert_string_equal(buf, "1000");
	assert_int_equal(cgroup_swap_max(1000, 1000, buf), 0);
	assert_string_equal(buf, "0");
	assert_int_equal(cgroup_swap_max(1000, 1500, buf), 0);
	assert_string_equal(buf, "500");
	assert_int_equal(cgroup_swap_max(1000, -1, buf), 0);
	assert_string_equal(buf, "max");
	assert_int_equal(cgroup_swap_max(1000, 999, buf), -EINVAL);
	assert_int_equal(cgroup_count_max(-1, buf), 0);
	assert_string_equal(buf, "max");
	assert_int_equal(cgroup_count_max(20, buf), 0);
	assert_string_equal(buf, "20");
}

static void test_own_path(void **state)
{
	char buf[CGROUPFS_PATH_MAX], text[CGROUPFS_PATH_MAX + 64];

	(void)state;
	assert_int_equal(cgroup_own_path("0::/\n", buf), 0);
	assert_string_equal(buf, "");
	assert_int_equal(cgroup_own_path("9:name=systemd:/x\n0::/user.slice/a b\n", buf), 0);
	assert_string_equal(buf, "user.slice/a b");
	assert_int_equal(cgroup_own_path("0::/..x/y\n", buf), 0);
	/* outside of our namespace; gone; version 1 alone */
	assert_int_equal(cgroup_own_path("0::/../other\n", buf), -ENODATA);
	assert_int_equal(cgroup_own_path("0::/..\n", buf), -ENODATA);
	assert_int_equal(cgroup_own_path("0::/a (deleted)\n", buf), -ENODATA);
	assert_int_equal(cgroup_own_path("3:memory:/a\n", buf), -ENODATA);
	assert_int_equal(cgroup_own_path("", buf), -ENODATA);
	memset(text, 'a', sizeof(text));
	memcpy(text, "0::/", 4);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(cgroup_own_path(text, buf), -ENAMETOOLONG);
}

static bool marked(size_t len, void *data)
{
	return len == *(size_t *)data;
}

/* What the user's systemd has given away is ours, with all below; the rest of its tree is not. */
static void test_managed(void **state)
{
	static const char app[] = "user.slice/user-1000.slice/user@1000.service/app.slice";
	static const char unit[] =
		"user.slice/user-1000.slice/user@1000.service/app.slice/a.scope/b";
	size_t none = 0, scope = strlen(unit) - 2;

	(void)state;
	assert_true(cgroup_is_managed(app, marked, &none));
	assert_true(cgroup_is_managed(unit, marked, &none));
	assert_false(cgroup_is_managed(unit, marked, &scope));
	assert_true(cgroup_is_managed("user.slice/user@0.service", marked, &none));
	assert_false(cgroup_is_managed("system.slice/slurmd.service/job_1", marked, &none));
	assert_false(cgroup_is_managed("", marked, &none));
}

static void test_words(void **state)
{
	char buf[64];
	uint64_t n;

	(void)state;
	assert_int_equal(cgroup_controllers("cpuset cpu io memory pids\n"),
			 CGROUP_CPUSET | CGROUP_CPU | CGROUP_IO | CGROUP_MEMORY | CGROUP_PIDS);
	assert_int_equal(cgroup_controllers("cpuset\n"), CGROUP_CPUSET);
	assert_int_equal(cgroup_controllers(""), 0);
	assert_string_equal(cgroup_controllers_text(CGROUP_MEMORY | CGROUP_PIDS, buf),
			    "memory pids");
	assert_int_equal(cgroupfs_key("low 0\noom 3\noom_kill 2\n", "oom_kill", &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(cgroupfs_key("oom_kill_group 1\n", "oom_kill", &n), -ENODATA);
	assert_int_equal(cgroupfs_key("max max\n", "max", &n), -EINVAL);
}

static void test_needs(void **state)
{
	struct limits l = { .memory_swap = -1, .pids = -1 };

	(void)state;
	assert_int_equal(cgroup_set_needs(&l), 0);
	l.cpu_period_us = 50000;
	assert_int_equal(cgroup_set_needs(&l), CGROUP_CPU);
	l.cpu_period_us = 0;
	l.memory = 1;
	l.cpu_shares = 1024;
	l.blkio_weight = 10;
	assert_int_equal(cgroup_set_needs(&l), CGROUP_MEMORY | CGROUP_CPU | CGROUP_IO);
}

/* A throttle that it has already is no reason to look for a weight, and the other way round. */
static void test_changed(void **state)
{
	char cpus[] = "0", same[] = "0";
	struct limits_throttle throttle = { .device = cpus, .rate = 1 };
	struct limits old = {
		.memory = 9, .cpuset_cpus = cpus, .throttles = &throttle, .n_throttles = 1
	};
	struct limits now = old, changed;
	const char *file;

	(void)state;
	now.cpuset_cpus = same;
	changed = cgroup_set_changed(&old, &now);
	assert_int_equal(cgroup_set_needs(&changed), 0);
	assert_null(cgroup_set_lacks(-1, &changed, &file));
	now.blkio_weight = 100;
	changed = cgroup_set_changed(&old, &now);
	assert_int_equal(cgroup_set_needs(&changed), CGROUP_IO);
	assert_string_equal(cgroup_set_lacks(-1, &changed, &file), "blkio-weight");
	assert_string_equal(file, "io.weight");
	changed = cgroup_set_changed(&now, &old); /* lifted */
	assert_int_equal(cgroup_set_needs(&changed), 0);
}

/* Names carry the id: nothing else is ever reclaimed. */
static void test_reclaim_is_picky(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	(void)state;
	assert_int_equal(cgroupfs_reclaim("user.slice", id), -EINVAL);
	assert_int_equal(cgroupfs_reclaim("", id), -EINVAL);
	assert_int_equal(cgroupfs_reclaim("a/carrel-0123", id), -EINVAL);
}

static int add(const char *key, const char *value, unsigned line, void *data, struct error *err)
{
	(void)err;
	str_buf_addf(data, "%u %s=%s;", line, key, value);
	return 0;
}

static void check_conf(const char *text, int want, const char *entries)
{
	_cleanup_(str_buf_done) struct str_buf b;
	struct error err = { 0 };

	str_buf_init(&b, 4096);
	assert_int_equal(conf_parse(text, strlen(text), add, &b, &err), want);
	if (want == 0)
		assert_string_equal(b.s ? b.s : "", entries);
	else
		assert_true(error_is_set(&err));
}

static void test_conf(void **state)
{
	char long_line[CONF_VALUE_MAX + 32];

	(void)state;
	check_conf("", 0, "");
	check_conf("# comment\n\n  cgroup =  /sys/fs/cgroup/a b\t\r\nx=\n", 0,
		   "3 cgroup=/sys/fs/cgroup/a b;4 x=;");
	check_conf("a = b = c", 0, "1 a=b = c;");
	check_conf("  # = x\n", 0, "");
	check_conf("word\n", -EINVAL, NULL);
	check_conf("= x\n", -EINVAL, NULL);
	memset(long_line, 'k', sizeof(long_line));
	long_line[sizeof(long_line) - 1] = '\0';
	long_line[1] = '=';
	check_conf(long_line, -EINVAL, NULL);
	long_line[1] = 'k';
	long_line[100] = '=';
	check_conf(long_line, -EINVAL, NULL);
	assert_int_equal(conf_parse("a=\0b\n", 5, add, NULL, NULL), -EINVAL);
}

static void test_usage(void **state)
{
	static const char net[] =
		"Inter-|   Receive                    |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes  packets\n"
		"    lo: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0\n"
		"  eth0:1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n"
		"  eth1: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n";
	struct usage a = { .when_ns = 1000000000, .cpu_ns = 500 }, b = a;

	(void)state;
	usage_parse_net_dev(net, &a);
	assert_int_equal(a.rx, 1010);
	assert_int_equal(a.tx, 2020);
	usage_parse_io_stat("8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=7 dios=1\n"
			    "8:16 rbytes=1 wbytes=2 rios=1 wios=2 dbytes=0 dios=0\n",
			    &a);
	assert_int_equal(a.read, 11);
	assert_int_equal(a.written, 22);
	usage_parse_net_dev("", &a);
	usage_parse_io_stat("8:0 rbytes=99999999999999999999999999\n", &a);
	assert_int_equal(a.read, 11);
	assert_int_equal(usage_cpu_percent(&a, &b), 0);
	b.when_ns += 2000000000;
	b.cpu_ns += 3000000000;
	assert_int_equal(usage_cpu_percent(&a, &b), 15000);
	/* to the nearest, as docker: 7 of 100000 is 0.01 % */
	assert_int_equal(usage_memory_percent(&b), 0);
	b.memory_limit = 100000;
	b.memory = 7;
	assert_int_equal(usage_memory_percent(&b), 1);
	b.memory = 4;
	assert_int_equal(usage_memory_percent(&b), 0);
	b.memory = 100000;
	assert_int_equal(usage_memory_percent(&b), 10000);
	/* a process went away with its time */
	b.cpu_ns = 0;
	assert_int_equal(usage_cpu_percent(&a, &b), 0);
}

static void assert_file(int dir, const char *name, const char *text)
{
	char buf[64];

	assert_true(cgroupfs_read(dir, name, buf, sizeof(buf)) >= 0);
	assert_string_equal(buf, text);
}

/* A write that is refused takes those before it along. */
static void test_update_is_whole(void **state)
{
	const struct limits old = { .memory = 60000000, .pids = 30 };
	const struct limits now = { .memory = 50000000, .cpu_quota_us = 5000, .cpu_period_us = 0 };
	_cleanup_(enforced_done) struct enforced rows = { 0 };
	struct cgroup_saved saved;
	struct error err = { 0 };
	struct tempdir dir;

	(void)state;
	assert_int_equal(tempdir_make(&dir), 0);
	assert_int_equal(tempdir_put(&dir, "cgroup.controllers", "cpu memory pids\n"), 0);
	assert_int_equal(tempdir_put(&dir, "memory.max", "60000000\n"), 0);
	assert_int_equal(tempdir_put(&dir, "memory.swap.max", "60000000\n"), 0);
	assert_int_equal(tempdir_put(&dir, "pids.max", "030\n"),
			 0); /* as long as what lifts it: the file is only one */
	/* ELOOP: for the kernel's EINVAL. */
	assert_int_equal(symlinkat("memory.max", dir.fd, "cpu.max"), 0);
	assert_int_equal(cgroup_update(dir.fd, &old, &now, &rows, &saved, &err), -ELOOP);
	assert_non_null(strstr(err.text, "--cpu-quota"));
	assert_file(dir.fd, "memory.max", "60000000\n");
	assert_file(dir.fd, "memory.swap.max", "60000000\n");
	assert_file(dir.fd, "pids.max", "030\n");
	/* And one that is taken can be taken back. */
	assert_int_equal(unlinkat(dir.fd, "cpu.max", 0), 0);
	assert_int_equal(tempdir_put(&dir, "cpu.max", "max 100000\n"), 0);
	enforced_done(&rows);
	assert_int_equal(cgroup_update(dir.fd, &old, &now, &rows, &saved, &err), 0);
	assert_file(dir.fd, "memory.max", "50000000\n");
	assert_file(dir.fd, "pids.max", "max\n");
	assert_int_equal(rows.n, 2);
	cgroup_set_restore(dir.fd, &saved);
	assert_file(dir.fd, "memory.max", "60000000\n");
	assert_file(dir.fd, "pids.max", "030\n");
	tempdir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_own_path),
		cmocka_unit_test(test_managed),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_reclaim_is_picky),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_update_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
