/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/platform.h"

static void test_parse(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "linux/amd64", "linux/amd64" },     { "amd64", "linux/amd64" },
		{ "x86_64", "linux/amd64" },	      { "aarch64", "linux/arm64" },
		{ "linux/arm64/v8", "linux/arm64" },  { "linux/arm/v7", "linux/arm/v7" },
		{ "linux/arm/7", "linux/arm/v7" },    { "armhf", "linux/arm/v7" },
		{ "windows/amd64", "windows/amd64" }, { "linux/amd64/v3", "linux/amd64/v3" },
	};
	static const char *const bads[] = { "",	   "/",	      "linux/",	   "a/b/c/d", "a/b/c/",
					    "a b", "linux/ä", "linux//v7", "a\nb" };
	struct platform p;
	char buf[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(platform_parse(rows[i].in, &p, NULL), 0);
		assert_string_equal(platform_format(&p, buf), rows[i].out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++)
		if (platform_parse(bads[i], &p, NULL) != -EINVAL)
			fail_msg("'%s' was accepted", bads[i]);
}

static bool match(const char *want, const char *have)
{
	struct platform w, h;

	assert_int_equal(platform_parse(want, &w, NULL), 0);
	assert_int_equal(platform_parse(have, &h, NULL), 0);
	return platform_match(&w, &h);
}

static void test_match(void **state)
{
	(void)state;
	assert_true(match("linux/amd64", "linux/amd64"));
	assert_false(match("linux/amd64", "linux/arm64"));
	assert_false(match("linux/amd64", "windows/amd64"));
	assert_true(match("linux/arm64", "linux/arm64/v8"));
	assert_true(match("linux/arm/v7", "linux/arm/v6"));
	assert_false(match("linux/arm/v6", "linux/arm/v7"));
	assert_true(match("linux/arm", "linux/arm/v7"));
}

static void test_host(void **state)
{
	struct platform p, word;
	char a[100], b[100];

	(void)state;
	platform_host(&p);
	assert_string_equal(p.os, "linux");
	/* An operating system alone is no architecture. */
	assert_int_equal(platform_parse("linux", &word, NULL), 0);
	assert_string_equal(platform_format(&word, a), platform_format(&p, b));
	assert_int_equal(platform_parse("windows", &word, NULL), 0);
	assert_string_equal(word.os, "windows");
	assert_string_equal(word.arch, p.arch);
#if defined(__x86_64__)
	assert_string_equal(p.arch, "amd64");
#elif defined(__aarch64__)
	assert_string_equal(p.arch, "arm64");
#else
	assert_true(p.arch[0]);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
