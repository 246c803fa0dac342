/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <limits.h>

#include "base/num.h"
#include "base/timefmt.h"

static void test_u64(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x10", "1e3", "a", "1\n" };
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(num_u64(bad[i], &v), -EINVAL);
	assert_int_equal(num_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(num_u64("99999999999999999999999", &v), -ERANGE);
	assert_int_equal(v, 7);
	assert_int_equal(num_u64("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(num_u64("0007", &v), 0);
	assert_int_equal(v, 7);
}

static void test_u32(void **state)
{
	uint32_t v = 7;

	(void)state;
	assert_int_equal(num_u32("4294967296", &v), -ERANGE);
	assert_int_equal(num_u32("-0", &v), -EINVAL);
	assert_int_equal(v, 7);
	assert_int_equal(num_u32("4294967295", &v), 0);
	assert_true(v == UINT32_MAX);
}

static void test_i64(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_int_equal(num_i64("9223372036854775808", &v), -ERANGE);
	assert_int_equal(num_i64("-9223372036854775809", &v), -ERANGE);
	assert_int_equal(num_i64("--1", &v), -EINVAL);
	assert_int_equal(num_i64("-", &v), -EINVAL);
	assert_int_equal(num_i64("", &v), -EINVAL);
	assert_int_equal(v, 7);
	assert_int_equal(num_i64("-9223372036854775808", &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(num_i64("9223372036854775807", &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(num_i64("-5", &v), 0);
	assert_true(v == -5);
}

static void test_mode(void **state)
{
	uint32_t v = 7;

	(void)state;
	assert_int_equal(num_mode("8", &v), -EINVAL);
	assert_int_equal(num_mode("0o7", &v), -EINVAL);
	assert_int_equal(num_mode("10000", &v), -ERANGE);
	assert_int_equal(v, 7);
	assert_int_equal(num_mode("1777", &v), 0);
	assert_int_equal(v, 01777);
}

static void test_size(void **state)
{
	static const struct {
		const char *s;
		uint64_t want;
	} good[] = {
		{ "512", 512 },
		{ "10b", 10 },
		{ "10k", 10240 },
		{ "10K", 10240 },
		{ "10Kb", 10240 },
		{ "10KiB", 10240 },
		{ "64m", 67108864 },
		{ "2g", UINT64_C(2147483648) },
		{ "1T", UINT64_C(1) << 40 },
		{ "16383p", UINT64_C(16383) << 50 },
		{ "0g", 0 },
		{ "1.5g", UINT64_C(1610612736) },
		{ "0.5k", 512 },
		{ "1.999", 1 },
		{ "0.000000001k", 0 },
		{ "2.5t", UINT64_C(5) << 39 },
		{ "0.25p", UINT64_C(1) << 48 },
		{ ".5g", UINT64_C(1) << 29 },
		{ "1.", 1 },
		{ "1.g", UINT64_C(1) << 30 },
		{ "64 m", 67108864 },
		{ "1 KiB", 1024 },
		{ "7 ", 7 },
	};
	static const char *const bad[] = { "",	     "k",    "1x", "1kk", "1  k", "-1k", "1bb",
					   "1.5.5g", "1kbb", ".",  ".g",  " 1k",  "1k ", "1 5k" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(num_size(good[i].s, &v), 0);
		assert_true(v == good[i].want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(num_size(bad[i], &v), -EINVAL);
	assert_int_equal(num_size("16384p", &v), -ERANGE);
	assert_int_equal(num_size("1.0000000001k", &v), -ERANGE);
}

static void test_release(void **state)
{
	(void)state;
	assert_int_equal(num_release("6.18.3-amd64"), 6018);
	assert_int_equal(num_release("5.14"), 5014);
	assert_int_equal(num_release("6"), 0);
	assert_int_equal(num_release("6."), 0);
	assert_int_equal(num_release(".18"), 0);
	assert_int_equal(num_release("x6.1"), 0);
	assert_int_equal(num_release("5.1000"), 0);
	assert_int_equal(num_release(""), 0);
}

static void test_time_print(void **state)
{
	char buf[TIMEFMT_MAX];
	struct timespec t = { .tv_sec = 1795481055, .tv_nsec = 5 };

	(void)state;
	assert_string_equal(timefmt_rfc3339(&t, buf), "2026-11-24T00:44:15.000000005Z");
	t = (struct timespec){ .tv_sec = INT64_C(253402300799) };
	assert_string_equal(timefmt_rfc3339(&t, buf), "9999-12-31T23:59:59.000000000Z");
	t = (struct timespec){ .tv_sec = -INT64_C(62167219200) };
	assert_string_equal(timefmt_rfc3339(&t, buf), "0000-01-01T00:00:00.000000000Z");
	t = (struct timespec){ .tv_sec = -1 };
	assert_string_equal(timefmt_rfc3339(&t, buf), "1969-12-31T23:59:59.000000000Z");
	/* Each day of 800 years, by libc's own opinion. */
	for (time_t s = -INT64_C(6000) * 86400 * 20; s < INT64_C(9000) * 86400 * 20; s += 86399) {
		char want[TIMEFMT_MAX];
		struct tm tm;

		assert_non_null(gmtime_r(&s, &tm));
		(void)strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
		t = (struct timespec){ .tv_sec = s };
		assert_string_equal(timefmt_rfc3339(&t, buf), want);
	}
	/* Times of hostile archives: no overflow of the buffer or of struct tm. */
	t = (struct timespec){ .tv_sec = INT64_MAX };
	assert_string_equal(timefmt_rfc3339(&t, buf), "1970-01-01T00:00:00.000000000Z");
	t = (struct timespec){ .tv_sec = INT64_MIN };
	assert_string_equal(timefmt_rfc3339(&t, buf), "1970-01-01T00:00:00.000000000Z");
}

static void test_time_parse(void **state)
{
	static const struct {
		const char *s;
		time_t sec;
		long nsec;
	} good[] = {
		{ "2026-11-24T00:44:15Z", 1795481055, 0 },
		{ "2026-11-24t00:44:15z", 1795481055, 0 },
		{ "2026-11-24T00:44:15.5Z", 1795481055, 500000000 },
		{ "2026-11-24T00:44:15.000000005Z", 1795481055, 5 },
		{ "2026-11-24T00:44:15.0000000059999Z", 1795481055, 5 },
		{ "2026-11-24T02:14:15+01:30", 1795481055, 0 },
		{ "2026-11-23T23:44:15-01:00", 1795481055, 0 },
		{ "2024-02-29T00:00:00Z", 1709164800, 0 },
		{ "2016-12-31T23:59:60Z", 1483228800, 0 },
		{ "1969-12-31T23:59:59Z", -1, 0 },
		{ "0001-01-01T00:00:00Z", INT64_C(-62135596800), 0 },
	};
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-24",
		"2026-11-24T00:44",
		"2026-11-24T00:44:15",
		"2026-11-24T00:44:15.Z",
		"2026-13-24T00:44:15Z",
		"2026-00-24T00:44:15Z",
		"2026-02-29T00:44:15Z",
		"2026-11-31T00:44:15Z",
		"2026-11-00T00:44:15Z",
		"2026-11-24T24:44:15Z",
		"2026-11-24T00:60:15Z",
		"2026-11-24T00:44:61Z",
		"2026-11-24T00:44:15Zx",
		"2026-11-24T00:44:15+25:00",
		"2026-11-24T00:44:15+0100",
		"2026-11-24T00:44:15+",
		"-026-11-24T00:44:15Z",
	};
	struct timespec t = { .tv_sec = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(timefmt_parse(bad[i], &t), -EINVAL);
		assert_int_equal(t.tv_sec, 7);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(timefmt_parse(good[i].s, &t), 0);
		assert_true(t.tv_sec == good[i].sec);
		assert_int_equal(t.tv_nsec, good[i].nsec);
	}
}

static void test_age(void **state)
{
	/* As docker's own formatter answers. */
	static const struct {
		long s;
		const char *want;
	} rows[] = {
		{ -5, "Less than a second" },
		{ 0, "Less than a second" },
		{ 1, "1 second" },
		{ 59, "59 seconds" },
		{ 60, "About a minute" },
		{ 119, "About a minute" },
		{ 120, "2 minutes" },
		{ 3599, "59 minutes" },
		{ 3600, "About an hour" },
		{ 5399, "About an hour" },
		{ 5400, "2 hours" },
		{ 47 * 3600, "47 hours" },
		{ 48 * 3600, "2 days" },
		{ 13 * 86400, "13 days" },
		{ 14 * 86400, "2 weeks" },
		{ 59 * 86400, "8 weeks" },
		{ 60 * 86400, "2 months" },
		{ 700 * 86400L, "23 months" },
		{ 730 * 86400L, "2 years" },
		{ LONG_MAX, NULL },
	};
	char buf[TIMEFMT_MAX];

	(void)state;
	for (size_t i = 0; rows[i].want; i++)
		assert_string_equal(timefmt_age(rows[i].s, buf), rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),	   cmocka_unit_test(test_u32),
		cmocka_unit_test(test_i64),	   cmocka_unit_test(test_mode),
		cmocka_unit_test(test_release),	   cmocka_unit_test(test_size),
		cmocka_unit_test(test_time_print), cmocka_unit_test(test_time_parse),
		cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
