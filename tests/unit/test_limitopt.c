/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/fallback.h"
#include "cli/limitopt.h"
#include "cm.h"
#include "runtime/cgroup_find.h"
#include "runtime/cpulist.h"

static void test_good(void **state)
{
	static const struct limit_options o = {
		.memory = "1.5g",
		.memory_swap = "2g",
		.memory_reservation = "512M",
		.cpus = "1.25",
		.cpu_shares = "1",
		.cpuset_cpus = "0-3,6",
		.pids = "0",
		.blkio_weight = "1000",
	};
	_cleanup_(limits_done) struct limits l = { 0 };

	(void)state;
	assert_int_equal(limitopt_parse(&o, &l, NULL), 0);
	assert_int_equal(l.memory, 1610612736);
	assert_int_equal(l.memory_swap, INT64_C(2) << 30);
	assert_int_equal(l.memory_reservation, 512 << 20);
	assert_int_equal(l.nano_cpus, 1250000000);
	assert_int_equal(l.cpu_quota_us, 125000);
	assert_int_equal(l.cpu_period_us, 100000);
	assert_int_equal(l.cpu_shares, 2);
	assert_string_equal(l.cpuset_cpus, "0-3,6");
	assert_int_equal(l.pids, -1);
	assert_int_equal(l.blkio_weight, 1000);
}

/* What is not named stays, and is looked at together with the new. */
static void test_update(void **state)
{
	struct limits l = { .memory = 64 << 20, .memory_swap = 128 << 20, .pids = 5 };
	struct error err;

	(void)state;
	assert_int_equal(limitopt_parse(&(struct limit_options){ .pids = "9" }, &l, NULL), 0);
	assert_int_equal(l.pids, 9);
	assert_int_equal(l.memory, 64 << 20);
	assert_int_equal(limitopt_parse(&(struct limit_options){ .memory = "1g" }, &l, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "--memory-swap"));
	l = (struct limits){ .nano_cpus = 500000000,
			     .cpu_quota_us = 50000,
			     .cpu_period_us = 100000 };
	assert_int_equal(limitopt_parse(&(struct limit_options){ .cpu_quota = "-1" }, &l, NULL), 0);
	assert_int_equal(l.cpu_quota_us, 0);
	assert_false(limits_any(&l));
	assert_int_equal(limitopt_parse(&(struct limit_options){ .cpu_quota = "20000" }, &l, NULL),
			 0);
	assert_int_equal(l.nano_cpus, 0);
	assert_int_equal(l.cpu_quota_us, 20000);
}

/* A period that is changed beside --cpus 2 would make 4 of them. */
static void test_update_of_the_other_kind(void **state)
{
	static const struct {
		struct limits has;
		struct limit_options o;
		const char *says;
	} bad[] = {
		{ { .nano_cpus = 2000000000, .cpu_quota_us = 200000, .cpu_period_us = 100000 },
		  { .cpu_period = "50000" },
		  "--cpu-period conflicts with the --cpus" },
		{ { .nano_cpus = 2000000000, .cpu_quota_us = 200000, .cpu_period_us = 100000 },
		  { .cpu_quota = "50000" },
		  "--cpu-quota conflicts with the --cpus" },
		{ { .cpu_quota_us = 200000, .cpu_period_us = 100000 },
		  { .cpus = "1" },
		  "--cpus conflicts with the --cpu-quota" },
		{ { .memory = 64 << 20, .memory_swap = 64 << 20 },
		  { .memory = "0" },
		  "--memory 0: the --memory-swap that it has" },
	};
	struct limits l = { .memory = 64 << 20, .memory_swap = 64 << 20 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct limits has = bad[i].has;
		struct error err = { 0 };

		assert_int_equal(limitopt_parse(&bad[i].o, &has, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i].says));
		assert_true(err.hint[0]);
	}
	assert_int_equal(limitopt_parse(&(struct limit_options){ .memory = "0",
								 .memory_swap = "0" },
					&l, NULL),
			 0);
	assert_false(limits_any(&l));
}

static int cpus(const char *s, uint64_t *ret)
{
	struct limits l = { 0 };
	int r = limitopt_parse(&(struct limit_options){ .cpus = s }, &l, NULL);

	*ret = l.nano_cpus;
	return r;
}

static void test_cpus(void **state)
{
	static const char *const bad[] = {
		"", "-1", ".", "x", "1e3", "1,5", "0.001", "1.2.3", "0.1234567891", "99999999999"
	};
	uint64_t v;

	(void)state;
	assert_true(cpus("2", &v) == 0 && v == 2000000000);
	assert_true(cpus(".5", &v) == 0 && v == 500000000);
	assert_true(cpus("0.010000001", &v) == 0 && v == 10000001);
	assert_true(cpus("1.", &v) == 0 && v == 1000000000);
	assert_true(cpus("0", &v) == 0 && v == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cpus(bad[i], &v), -EINVAL);
}

/* 0 and -1 are docker's "not asked", also beside the other kind; a period may come alone. */
static void test_cpu_time_together(void **state)
{
	static const struct {
		struct limit_options o;
		uint64_t nano, quota, period;
	} rows[] = {
		{ { .cpus = "0", .cpu_quota = "50000" }, 0, 50000, 100000 },
		{ { .cpus = "1", .cpu_quota = "-1" }, 1000000000, 100000, 100000 },
		{ { .cpus = "1", .cpu_quota = "0", .cpu_period = "0" },
		  1000000000,
		  100000,
		  100000 },
		{ { .cpus = "0", .cpu_period = "50000" }, 0, 0, 50000 },
		{ { .cpu_period = "50000" }, 0, 0, 50000 },
		{ { .cpu_period = "100000" }, 0, 0, 0 },
		{ { .cpu_quota = "-1", .cpu_period = "50000" }, 0, 0, 50000 },
	};
	struct limits l = { .nano_cpus = 2000000000,
			    .cpu_quota_us = 200000,
			    .cpu_period_us = 100000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct limits one = { 0 };

		assert_int_equal(limitopt_parse(&rows[i].o, &one, NULL), 0);
		assert_int_equal(one.nano_cpus, rows[i].nano);
		assert_int_equal(one.cpu_quota_us, rows[i].quota);
		assert_int_equal(one.cpu_period_us, rows[i].period);
	}
	/* Of what has --cpus already. */
	assert_int_equal(limitopt_parse(&rows[1].o, &l, NULL), 0);
	assert_int_equal(l.nano_cpus, 1000000000);
	assert_int_equal(limitopt_parse(&rows[0].o, &l, NULL), -EINVAL);
}

static void test_throttles_and_ulimits(void **state)
{
	struct limit_options o = { .shm_size = "1m", .oom_score_adj = "-5" };
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	struct ctr_rlimit v;

	(void)state;
	strv_add(&o.read_bps, "/dev/disk/by-id/a:b:10mb");
	strv_add(&o.write_iops, "/dev/sda:7");
	strv_add(&o.ulimit, "nofile=10:20");
	strv_add(&o.ulimit, "core=0");
	strv_add(&o.ulimit, "nofile=5");
	assert_int_equal(limitopt_parse_fixed(&o, &rec, NULL), 0);
	assert_int_equal(rec.limits.n_throttles, 2);
	assert_string_equal(rec.limits.throttles[0].device, "/dev/disk/by-id/a:b");
	assert_int_equal(rec.limits.throttles[0].rate, 10 << 20);
	assert_int_equal(rec.limits.throttles[1].kind, LIMITS_WRITE_IOPS);
	assert_int_equal(rec.ulimits.n, 2);
	assert_int_equal(rec.shm_size, 1 << 20);
	assert_int_equal(rec.oom_score_adj, -5);
	limit_options_done(&o);
	assert_int_equal(limitopt_ulimit("stack=-1", &v, NULL), 0);
	assert_true(v.value.rlim_cur == RLIM_INFINITY && v.value.rlim_max == RLIM_INFINITY);
	assert_string_equal(limitopt_ulimit_name(v.resource), "stack");
	assert_int_equal(limitopt_ulimit("nofile=5:-1", &v, NULL), 0);
	assert_int_equal(limitopt_ulimit("nofile=-1:5", &v, NULL), -EINVAL);
	assert_int_equal(limitopt_ulimit("no=5", &v, NULL), -EINVAL);
	assert_int_equal(limitopt_ulimit("nofile=", &v, NULL), -EINVAL);
	assert_int_equal(limitopt_ulimit("=5", &v, NULL), -EINVAL);
}

static void test_cpulist(void **state)
{
	static const char *const bad[] = { "",	   ",",	   "1,", "-1",	"1-",
					   "2-1",  "1024", "a",	 "1 2", "99999999999999999999",
					   "1\n\n" };
	struct cpulist l, one;
	char text[32];

	(void)state;
	assert_int_equal(cpulist_parse("0-2,9,63-64\n", &l), 0);
	assert_string_equal(cpulist_format(&l, text, sizeof(text)), "0-2,9,63-64");
	assert_true(cpulist_has(&l, 64) && !cpulist_has(&l, 65) && !cpulist_has(&l, 5000));
	assert_int_equal(cpulist_parse("1,9", &one), 0);
	assert_true(cpulist_is_within(&one, &l));
	assert_false(cpulist_is_within(&l, &one));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(cpulist_parse(bad[i], &l) < 0);
}

static void test_fallback(void **state)
{
	struct limits l = { .memory = 64 << 20,
			    .cpu_quota_us = 50000,
			    .cpu_period_us = 100000,
			    .nano_cpus = 500000000,
			    .cpu_shares = 256,
			    .pids = 20 };
	_cleanup_(enforced_done) struct enforced rows = { 0 };
	struct fallback f;

	(void)state;
	fallback_decide(&l, DCODE_NO_CGROUP, 0, &rows, &f);
	assert_int_equal(rows.n, 4);
	assert_string_equal(enforced_find(&rows, "memory")->by, "watchdog");
	assert_string_equal(enforced_find(&rows, "memory")->asked, "64 MiB");
	assert_string_equal(enforced_find(&rows, "cpus")->by, "nothing");
	assert_string_equal(enforced_find(&rows, "cpus")->asked, "0.5");
	assert_string_equal(enforced_find(&rows, "cpu-shares")->by, "nice");
	assert_int_equal(enforced_find(&rows, "cpu-shares")->dcode, DCODE_NO_CGROUP);
	assert_int_equal(f.watch_memory, 64 << 20);
	assert_int_equal(f.max_processes, 20);
	assert_int_equal(f.tune.flags, TUNE_NICE);
	assert_int_equal(f.tune.nice, 7); /* 215 of 1024 is the first that is not more */

	/* What a cgroup holds or will hold is nobody else's. */
	enforced_done(&rows);
	enforced_add(&rows, "memory", "64 MiB", "cgroup v2", DCODE_NONE, "%s", "");
	fallback_decide(&l, DCODE_NO_CONTROLLER, CGROUP_PIDS, &rows, &f);
	assert_int_equal(rows.n, 3);
	assert_int_equal(f.watch_memory, 0);
	assert_int_equal(f.max_processes, 0);
	assert_int_equal(enforced_find(&rows, "cpus")->dcode, DCODE_NO_CONTROLLER);

	/* The usual weight is no limit. */
	enforced_done(&rows);
	fallback_decide(&(struct limits){ .cpu_shares = 1024 }, DCODE_NO_CGROUP, 0, &rows, &f);
	assert_int_equal(rows.n, 0);
}

/* A row is short: those that do not fit are counted. */
static void test_many_throttles(void **state)
{
	_cleanup_(limits_done) struct limits l = { 0 };
	struct limits_throttle t = { .kind = LIMITS_READ_BPS, .rate = 1048576 };
	_cleanup_(enforced_done) struct enforced rows = { 0 };
	struct fallback f;
	char name[8];

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		(void)snprintf(name, sizeof(name), "/dev/s%c", 'a' + (int)i);
		t.device = xstrdup(name); /* it takes it */
		limits_add_throttle(&l, &t);
	}
	fallback_decide(&l, DCODE_NO_CGROUP, 0, &rows, &f);
	assert_int_equal(rows.n, 1);
	assert_string_equal(rows.rows[0].asked,
			    "/dev/sa:1048576,/dev/sb:1048576,/dev/sc:1048576, 9 more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_update_of_the_other_kind),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_cpu_time_together),
		cmocka_unit_test(test_throttles_and_ulimits),
		cmocka_unit_test(test_cpulist),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_many_throttles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
