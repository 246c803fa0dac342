/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those above first */
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "base/autogroup.h"
#include "base/fd.h"
#include "base/str.h"
#include "cli/explain.h"
#include "tempdir.h"

/* A cgroup is a directory of files: any will do. */
static const struct explain_row *find(const struct explain *x, const char *what)
{
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->rows[i].what, what))
			return &x->rows[i];
	fail_msg("no row %s", what);
	return NULL;
}

static void test_limits(void **state)
{
	_cleanup_(explain_done) struct explain x = { 0 };
	_cleanup_(enforced_done) struct enforced limits = { 0 };
	struct observed seen = { .own_net = 1, .seccomp = 2, .uids = { .count = 65536 } };
	struct ctrconf rec = { .caps = 0 };
	struct explain_input in = { .rec = &rec, .limits = &limits, .seen = &seen };
	struct tempdir dir;

	(void)state;
	assert_int_equal(tempdir_make(&dir), 0);
	assert_int_equal(tempdir_put(&dir, "memory.max", "67108864\n"), 0);
	assert_int_equal(tempdir_put(&dir, "pids.max", "max\n"), 0);
	assert_int_equal(tempdir_put(&dir, "io.max",
				     "8:16 rbps=5 wbps=max\n8:0 rbps=1000 wbps=max riops=max\n"),
			 0);
	enforced_add(&limits, "memory", "64 MiB and a byte", "cgroup v2", DCODE_NONE,
		     "memory.max = 67108865");
	enforced_add(&limits, "pids-limit", "20", "cgroup v2", DCODE_NONE, "pids.max = 20");
	enforced_add(&limits, "device-read-bps", "/dev/sda:1000", "cgroup v2", DCODE_NONE,
		     "io.max = 8:0 rbps=1000");
	enforced_add(&limits, "device-write-bps", "/dev/sda:7", "cgroup v2", DCODE_NONE,
		     "io.max = 8:0 wbps=7");
	enforced_add(&limits, "cpu-shares", "512", "cgroup v2", DCODE_NONE, "cpu.weight = 50");
	assert_int_equal(tempdir_put(&dir, "cpuset.cpus", "0-1,4\n"), 0);
	assert_int_equal(tempdir_put(&dir, "cpuset.mems", "0-1\n"), 0);
	enforced_add(&limits, "cpuset-cpus", "4,1,0", "cgroup v2", DCODE_NONE,
		     "cpuset.cpus = 4,1,0");
	enforced_add(&limits, "cpuset-mems", "0", "cgroup v2", DCODE_NONE, "cpuset.mems = 0");
	enforced_add(&limits, "cpus", "1", "nothing", DCODE_NO_CGROUP, "only a cgroup can");
	in.cgroup_fd = dir.fd;
	explain_fill(&in, &x);
	assert_false(find(&x, "memory")->differs); /* the kernel counts in pages */
	assert_string_equal(find(&x, "memory")->enforced, "yes");
	assert_true(find(&x, "pids-limit")->differs);
	assert_string_equal(find(&x, "pids-limit")->note, "pids.max is max, not 20");
	assert_false(find(&x, "device-read-bps")->differs);
	assert_true(find(&x, "device-write-bps")->differs);
	assert_true(find(&x, "cpu-shares")->differs);
	assert_false(find(&x, "cpuset-cpus")->differs); /* a set, however it is written */
	assert_string_equal(find(&x, "cpuset-cpus")->enforced, "yes");
	assert_true(find(&x, "cpuset-mems")->differs);
	assert_string_equal(find(&x, "cpus")->enforced, "no");
	assert_int_equal(find(&x, "cpus")->dcode, DCODE_NO_CGROUP);
	assert_false(find(&x, "seccomp")->differs);
	tempdir_remove(&dir);
}

static void test_differences(void **state)
{
	_cleanup_(explain_done) struct explain x = { 0 };
	struct observed seen = { .caps = 6, .own_net = 0, .uids = { .count = 1, .first = 1000 } };
	struct ctrconf rec = { .caps = 5, .net = NET_PRIVATE, .no_new_privs = true, .init = true };
	struct explain_input in = { .rec = &rec, .seen = &seen, .cgroup_fd = -1 };

	(void)state;
	explain_fill(&in, &x);
	assert_string_equal(find(&x, "capabilities")->note, "more: DAC_OVERRIDE; less: CHOWN");
	assert_true(find(&x, "seccomp")->differs && find(&x, "network")->differs);
	assert_true(find(&x, "no-new-privileges")->differs && find(&x, "init")->differs);
	assert_true(find(&x, "ids")->differs);
}

/* What the man page's jq takes for a difference. */
static bool is_told(const struct explain_row *row)
{
	return row->differs || row->dcode != DCODE_NONE;
}

static void test_one_id(void **state)
{
	_cleanup_(explain_done) struct explain full = { 0 }, one = { 0 }, here = { 0 }, few = { 0 };
	struct observed seen = { .own_net = 1,
				 .seccomp = 2,
				 .no_new_privs = true,
				 .uids = { .count = 1, .first = 1000 } };
	struct ctrconf rec = { .caps = 0 };
	struct explain_input in = { .rec = &rec, .seen = &seen, .cgroup_fd = -1 };

	(void)state;
	in.one_id = DCODE_NO_NEWIDMAP;
	explain_fill(&in, &one);
	assert_int_equal(find(&one, "ids")->dcode, DCODE_NO_NEWIDMAP);
	assert_int_equal(find(&one, "no-new-privileges")->dcode, DCODE_NO_NEWIDMAP);
	assert_string_equal(find(&one, "no-new-privileges")->asked, "no");
	assert_true(find(&one, "no-new-privileges")->differs);

	in.one_id = DCODE_NONE;
	rec.here = true;
	explain_fill(&in, &here);
	assert_false(is_told(find(&here, "ids")) || is_told(find(&here, "no-new-privileges")));
	assert_string_equal(find(&here, "no-new-privileges")->asked, "by --here");

	rec.here = false;
	seen.uids.count = 1001;
	explain_fill(&in, &few);
	assert_true(find(&few, "ids")->differs && find(&few, "no-new-privileges")->differs);
	assert_int_equal(find(&few, "ids")->dcode, DCODE_NO_SUBID);
	assert_non_null(strstr(find(&few, "ids")->note, "those above 1000"));

	seen.uids.count = 65536;
	seen.no_new_privs = false;
	explain_fill(&in, &full);
	assert_false(is_told(find(&full, "ids")));
}

static void test_autogroup(void **state)
{
	_cleanup_(explain_done) struct explain same = { 0 }, other = { 0 }, off = { 0 };
	_cleanup_(enforced_done) struct enforced limits = { 0 };
	struct observed seen = { .nice = 4, .has_autogroup = true, .autogroup_nice = 4 };
	struct ctrconf rec = { .caps = 0 };
	struct explain_input in = { .rec = &rec, .limits = &limits, .seen = &seen };
	int nice = 0;

	(void)state;
	in.cgroup_fd = -1;
	enforced_add(&limits, "cpu-shares", "512", "nice", DCODE_NO_CGROUP,
		     "nice 4 for each of its processes, not a share of the container");
	explain_fill(&in, &same);
	assert_false(find(&same, "cpu-shares")->differs);
	seen.autogroup_nice = 0;
	explain_fill(&in, &other);
	assert_true(find(&other, "cpu-shares")->differs);
	assert_string_equal(find(&other, "cpu-shares")->enforced, "nice 4");
	seen.has_autogroup = false;
	explain_fill(&in, &off);
	assert_false(find(&off, "cpu-shares")->differs);

	assert_int_equal(autogroup_parse("/autogroup-25 nice -7", &nice), 0);
	assert_int_equal(nice, -7);
	assert_int_equal(autogroup_parse("", &nice), -EINVAL);
	assert_int_equal(autogroup_parse("/autogroup-1 nice ", &nice), -EINVAL);
}

static void test_texts(void **state)
{
	struct observed o = { 0 };
	struct observed_ids ids;

	(void)state;
	assert_int_equal(observe_status("Name:\tx\nNoNewPrivs:\t1\nCapBnd:\t00000000800405fb\n"
					"Seccomp:\t2\nSeccomp_filters:\t3\n",
					&o),
			 0);
	assert_true(o.no_new_privs && o.seccomp == 2 && o.filters == 3 && o.caps == 0x800405fb);
	assert_int_equal(observe_status("Name:\tCapBnd:\t1\n", &o), -EINVAL);
	assert_int_equal(observe_status("\nCapBnd:\t00000000000000001\nNoNewPrivs:\t0\n", &o),
			 -EINVAL);
	assert_int_equal(observe_map("         0       1018          1\n"
				     "         1    1279649      65535\n",
				     &ids),
			 0);
	assert_true(ids.count == 65536 && ids.first == 1018 && ids.range == 1279649);
	assert_int_equal(observe_map("0 100000 65536\n", &ids), 0);
	assert_true(ids.count == 65536 && ids.first == 100000 && ids.range == 100001);
	assert_int_equal(observe_map("", &ids), -EINVAL);
	assert_int_equal(observe_map("0 1\n", &ids), -EINVAL);
	assert_int_equal(observe_map("0 1 99999999999\n", &ids), -EINVAL);
}

static void test_mems(void **state)
{
	char list[16];

	(void)state;
	observe_mems("55d0 bind:0-1,3 file=/bin/a mapped=3\n55e0 default\n", list, sizeof(list));
	assert_string_equal(list, "0-1,3");
	observe_mems("55d0 default file=/bin/a\n55e0 bind:0 anon=1\n", list, sizeof(list));
	assert_string_equal(list, "");
	observe_mems("55d0 bind:0,1,2,3,4,5,6,7,8,9", list, sizeof(list));
	assert_string_equal(list, "");
	observe_mems("", list, sizeof(list));
	assert_string_equal(list, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits), cmocka_unit_test(test_differences),
		cmocka_unit_test(test_one_id), cmocka_unit_test(test_autogroup),
		cmocka_unit_test(test_texts),  cmocka_unit_test(test_mems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
