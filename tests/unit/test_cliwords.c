/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/ctrconf.h"
#include "cli/envfile.h"
#include "cli/mountopt.h"
#include "cli/output.h"
#include "cli/request.h"

static void envfile_lines(void **state)
{
	static const char text[] = "\xef\xbb\xbf# comment\n\nA=1\n  B=two words \r\nC=\nUNIT_HERE\n"
				   "UNIT_ABSENT\nD==x";
	_cleanup_(strv_done) struct strv env = { 0 };

	(void)state;
	assert_int_equal(setenv("UNIT_HERE", "yes", 1), 0);
	assert_int_equal(unsetenv("UNIT_ABSENT"), 0);
	assert_int_equal(envfile_parse(text, sizeof(text) - 1, &env, NULL), 0);
	assert_int_equal(env.n, 5);
	assert_string_equal(strv_env_get(&env, "A"), "1");
	assert_string_equal(strv_env_get(&env, "B"), "two words ");
	assert_string_equal(strv_env_get(&env, "C"), "");
	assert_string_equal(strv_env_get(&env, "UNIT_HERE"), "yes");
	assert_string_equal(strv_env_get(&env, "D"), "=x");
}

static void envfile_mistakes(void **state)
{
	static const char *const bad[] = { "A B=1\n", "=x\n" };
	_cleanup_(strv_done) struct strv env = { 0 };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error_clear(&err);
		assert_int_equal(envfile_parse(bad[i], strlen(bad[i]), &env, &err), -EINVAL);
		assert_non_null(strstr(err.text, "line 1"));
	}
	assert_int_equal(envfile_parse("A=\0b\n", 6, &env, NULL), -EINVAL);
	assert_int_equal(env.n, 0);
}

static void volumes(void **state)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	const struct ctrconf_mount *m;

	(void)state;
	assert_int_equal(mountopt_volume("/usr/../etc:/a/./b/../c:ro,nosuid", &rec, NULL), 0);
	assert_int_equal(mountopt_volume("/etc:/d", &rec, NULL), 0);
	assert_int_equal(rec.n_mounts, 2);
	assert_int_equal(mountopt_volume("/etc:/e:ro,nosuid,ro,rbind", &rec, NULL), 0);
	m = &rec.mounts[0];
	assert_string_equal(m->source, "/etc");
	assert_string_equal(m->target, "/a/c");
	assert_int_equal(m->flags, CTR_MOUNT_RO | CTR_MOUNT_NOSUID);
	assert_int_equal(rec.mounts[1].flags, 0);
	assert_int_equal(mountopt_check(&rec, NULL), 0);
	assert_int_equal(mountopt_volume("/tmp:/a/c", &rec, NULL), 0);
	assert_int_equal(mountopt_check(&rec, NULL), -EINVAL);
}

static void volume_mistakes(void **state)
{
	static const struct {
		const char *s;
		int r;
	} bad[] = {
		{ "/etc", -EOPNOTSUPP },
		{ "data:/d", -EOPNOTSUPP },
		{ "/etc:d", -EINVAL },
		{ "/etc:/", -EINVAL },
		{ "/etc:/x:huh", -EINVAL },
		{ "/etc:/x:ro:rw", -EINVAL },
		{ "/etc:/x:ro,rw", -EINVAL },
		{ "/etc:/x:rw,ro", -EINVAL },
		{ "/etc:/x:exec,ro,noexec", -EINVAL },
		{ "/no/such:/x", -ENOENT },
		{ "/etc:/x/../..", -EINVAL },
		{ ":/x", -EINVAL },
		{ "", -EINVAL },
		{ "/etc:/x:rshared", -EOPNOTSUPP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
		struct error err = { 0 };

		assert_int_equal(mountopt_volume(bad[i].s, &rec, &err), bad[i].r);
		assert_int_equal(err.code, bad[i].r);
	}
}

static void tmpfs(void **state)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };

	(void)state;
	assert_int_equal(mountopt_tmpfs("/scratch", &rec, NULL), 0);
	assert_int_equal(rec.mounts[0].flags,
			 CTR_MOUNT_NOEXEC | CTR_MOUNT_NOSUID | CTR_MOUNT_NODEV);
	assert_string_equal(rec.mounts[0].options, "");
	assert_int_equal(mountopt_tmpfs("/s:size=1m,exec,mode=1777,ro", &rec, NULL), 0);
	assert_int_equal(rec.mounts[1].flags, CTR_MOUNT_RO | CTR_MOUNT_NOSUID | CTR_MOUNT_NODEV);
	assert_string_equal(rec.mounts[1].options, "size=1048576,mode=1777");
	assert_int_equal(mountopt_tmpfs("/s:uid=0", &rec, NULL), -EINVAL);
	assert_int_equal(mountopt_tmpfs("s", &rec, NULL), -EINVAL);
}

static void record_round_trip(void **state)
{
	_cleanup_(ctrconf_done) struct ctrconf a = { .net = NET_PRIVATE, .caps = 0xa80425fb };
	_cleanup_(ctrconf_done) struct ctrconf b = { 0 };
	_cleanup_(str_buf_done) struct str_buf x, y;

	(void)state;
	a.image = xstrdup("weird \"name\"\n\x01");
	a.user = xstrdup("1:2");
	a.tty = a.read_only = true;
	strv_add(&a.cmd, "sh");
	strv_add(&a.cmd, "");
	strv_add(&a.env, "A=\xc3\xa9");
	assert_int_equal(mountopt_volume("/etc:/x:ro", &a, NULL), 0);
	str_buf_init(&x, CTRCONF_SIZE_MAX);
	str_buf_init(&y, CTRCONF_SIZE_MAX);
	ctrconf_format(&a, &x);
	assert_int_equal(ctrconf_parse(x.s, x.len, &b, NULL), 0);
	ctrconf_format(&b, &y);
	assert_string_equal(x.s, y.s);
	assert_string_equal(b.image, a.image);
	assert_string_equal(b.user, "1:2");
	assert_int_equal(b.cmd.n, 2);
	assert_true(b.tty && b.read_only && !b.remove);
	assert_true(b.net == NET_PRIVATE);
	assert_int_equal(b.caps, a.caps);
}

static void record_of_limits(void **state)
{
	struct limits_throttle t = { LIMITS_READ_IOPS, xstrdup("/dev/sda"), 99 };
	_cleanup_(ctrconf_done) struct ctrconf a = { 0 }, b = { 0 };
	_cleanup_(str_buf_done) struct str_buf x, y;

	(void)state;
	str_buf_init(&x, CTRCONF_SIZE_MAX);
	str_buf_init(&y, CTRCONF_SIZE_MAX);
	ctrconf_format(&a, &x);
	assert_non_null(strstr(x.s, "{\"version\":1,"));
	assert_null(strstr(x.s, "limits"));
	str_buf_done(&x);
	str_buf_init(&x, CTRCONF_SIZE_MAX);

	a.limits = (struct limits){ .memory = UINT64_C(1) << 40,
				    .memory_swap = -1,
				    .memory_reservation = 5,
				    .nano_cpus = 500000000,
				    .cpu_quota_us = 50000,
				    .cpu_period_us = 100000,
				    .cpu_shares = 2,
				    .pids = -1,
				    .blkio_weight = 1000,
				    .cpuset_cpus = xstrdup("0-1"),
				    .cpuset_mems = xstrdup("0") };
	limits_add_throttle(&a.limits, &t);
	strv_add(&a.ulimits, "nofile=5:-1");
	a.shm_size = 1 << 20;
	a.oom_score_adj = -17;
	a.oom_asked = true;
	ctrconf_format(&a, &x);
	assert_non_null(strstr(x.s, "{\"version\":2,"));
	assert_int_equal(ctrconf_parse(x.s, x.len, &b, NULL), 0);
	ctrconf_format(&b, &y);
	assert_string_equal(x.s, y.s);
	assert_int_equal(b.limits.memory, a.limits.memory);
	assert_int_equal(b.limits.memory_swap, -1);
	assert_int_equal(b.limits.blkio_weight, 1000);
	assert_int_equal(b.limits.n_throttles, 1);
	assert_int_equal(b.limits.throttles[0].kind, LIMITS_READ_IOPS);
	assert_int_equal(b.limits.throttles[0].rate, 99);
	assert_string_equal(b.limits.cpuset_cpus, "0-1");
	assert_string_equal(b.ulimits.v[0], "nofile=5:-1");
	assert_int_equal(b.oom_score_adj, -17);
	assert_true(b.oom_asked);
}

static void record_mistakes(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\":3}",
		"{\"version\":2,\"limits\":[]}",
		"{\"version\":2,\"limits\":{\"memory\":-1}}",
		"{\"version\":2,\"limits\":{\"pids\":9223372036854775808}}",
		"{\"version\":2,\"limits\":{\"blkio_weight\":4294967296}}",
		"{\"version\":2,\"limits\":{\"throttles\":[{\"kind\":\"x\",\"device\":\"/d\",\"rate\":1}]}}",
		"{\"version\":2,\"limits\":{\"throttles\":[{\"kind\":\"device-read-bps\",\"rate\":1}]}}",
		"{\"version\":2,\"ulimits\":\"nofile\"}",
		"{\"version\":1,\"network\":\"lan\"}",
		"{\"version\":1,\"tty\":\"yes\"}",
		"{\"version\":1,\"mounts\":[1]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };

		assert_true(ctrconf_parse(bad[i], strlen(bad[i]), &rec, NULL) < 0);
	}
}

static struct imgconfig image_of(const char *entrypoint, const char *cmd)
{
	struct imgconfig c = { 0 };

	if (entrypoint)
		strv_add(&c.entrypoint, entrypoint);
	if (cmd)
		strv_add(&c.cmd, cmd);
	strv_add(&c.env, "PATH=/image");
	return c;
}

/* docker's table of entrypoint and cmd. NULL command: none was given. */
static void commands(void **state)
{
	static const struct {
		const char *image_entry, *image_cmd, *entrypoint, *arg, *want;
	} rows[] = {
		{ NULL, "cmd", NULL, NULL, "cmd" },
		{ NULL, "cmd", NULL, "arg", "arg" },
		{ "entry", "cmd", NULL, NULL, "entry cmd" },
		{ "entry", "cmd", NULL, "arg", "entry arg" },
		{ "entry", "cmd", "mine", NULL, "mine" },
		{ "entry", "cmd", "mine", "arg", "mine arg" },
		{ "entry", "cmd", "", "arg", "arg" },
		{ "entry", "cmd", "", NULL, NULL },
		{ NULL, NULL, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
		struct imgconfig c = image_of(rows[i].image_entry, rows[i].image_cmd);
		struct run_options o = { .entrypoint = rows[i].entrypoint };
		char *const command[] = { (char *)rows[i].arg, NULL };
		char got[64] = "";
		int r = request_image(&o, &c, command, &rec, NULL);

		if (!rows[i].want) {
			assert_int_equal(r, -EINVAL);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(str_print(got, sizeof(got), "%s%s%s",
						   rec.entrypoint.n ? rec.entrypoint.v[0] : "",
						   rec.entrypoint.n && rec.cmd.n ? " " : "",
						   rec.cmd.n ? rec.cmd.v[0] : ""),
					 0);
			assert_string_equal(got, rows[i].want);
			assert_string_equal(strv_env_get(&rec.env, "PATH"), "/image");
			assert_string_equal(rec.stop_signal, "SIGTERM");
		}
		imgconfig_done(&c);
	}
}

/* What an image asks for and cannot have is a warning, and with --strict an error. */
static void strict(void **state)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	struct imgconfig c = image_of(NULL, "cmd");
	struct run_options o = { .strict = true };
	char *const command[] = { NULL };

	(void)state;
	c.stop_signal = xstrdup("SIGFOO");
	assert_int_equal(request_image(&o, &c, command, &rec, NULL), -EINVAL);
	imgconfig_done(&c);
}

static void sizes(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(output_size(0, buf), "0B");
	assert_string_equal(output_size(999, buf), "999B");
	assert_string_equal(output_size(1240000, buf), "1.24MB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envfile_lines),
		cmocka_unit_test(envfile_mistakes),
		cmocka_unit_test(volumes),
		cmocka_unit_test(volume_mistakes),
		cmocka_unit_test(tmpfs),
		cmocka_unit_test(record_round_trip),
		cmocka_unit_test(record_of_limits),
		cmocka_unit_test(record_mistakes),
		cmocka_unit_test(sizes),
		cmocka_unit_test(commands),
		cmocka_unit_test(strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
