/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"

static int parse(const char *text)
{
	struct json_object *o = NULL;
	struct error err = { 0 };
	int r = json_parse(text, strlen(text), &o, &err);

	assert_int_equal(r, err.code);
	json_object_put(o);
	return r;
}

static void test_strict(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"a\": [1, true, null, \"x\"]}"), 0);
	assert_int_equal(parse("17"), 0);
	assert_int_equal(parse(" {} \n"), 0);
	assert_int_equal(parse(""), -EINVAL);
	assert_int_equal(parse("{"), -EINVAL);
	assert_int_equal(parse("{} x"), -EINVAL);
	assert_int_equal(parse("{}{}"), -EINVAL);
	assert_int_equal(parse("{'a': 1}"), -EINVAL);
	assert_int_equal(parse("{\"a\": 1,}"), -EINVAL);
	assert_int_equal(parse("\"\xff\xfe\""), -EINVAL);
}

static void test_nul_byte(void **state)
{
	struct json_object *o = NULL;

	(void)state;
	assert_int_equal(json_parse("{}\0{}", 5, &o, NULL), -EINVAL);
	assert_null(o);
}

static void test_depth(void **state)
{
	char deep[2 * 100 + 1];

	(void)state;
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	deep[200] = '\0';
	assert_int_equal(parse(deep), -EINVAL);
	assert_int_equal(parse("[[[[[[[[]]]]]]]]"), 0);
}

static void test_too_many_values(void **state)
{
	size_t n = 2 * JSON_VALUES_MAX + 5;
	char *text = xmalloc(n + 2);

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = i % 2 ? ',' : '1';
	text[0] = '[';
	text[1] = '1';
	text[n] = ']';
	text[n + 1] = '\0';
	assert_int_equal(parse(text), -EFBIG);
	/* Commas in a string are no values. */
	memset(text, ',', n);
	text[0] = text[n] = '"';
	assert_int_equal(parse(text), 0);
	free(text);
}

static void test_members(void **state)
{
	static const char text[] =
		"{\"s\": \"x\", \"n\": null, \"u\": 18446744073709551615, \"neg\": -1, \"f\": 1.5,"
		" \"b\": true, \"o\": {}, \"a\": [\"p\", \"q\"], \"mixed\": [\"p\", 1],"
		" \"nul\": \"a\\u0000b\", \"min\": -9223372036854775809,"
		" \"max\": 9223372036854775807, \"beyond\": 9223372036854775808}";
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct json_object *v;
	struct strv sv = { 0 };
	const char *s;
	uint64_t u;
	bool found, b;
	int64_t i;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	assert_int_equal(json_get_string(o, "s", &s, NULL), 0);
	assert_string_equal(s, "x");
	assert_int_equal(json_get_string(o, "n", &s, NULL), 0);
	assert_null(s);
	assert_int_equal(json_get_string(o, "absent", &s, NULL), 0);
	assert_null(s);
	assert_int_equal(json_get_string(o, "u", &s, NULL), -EINVAL);
	assert_int_equal(json_get_string(o, "nul", &s, NULL), -EINVAL);
	assert_int_equal(json_get_u64(o, "u", &u, &found, NULL), 0);
	assert_true(found && u == UINT64_MAX);
	assert_int_equal(json_get_u64(o, "neg", &u, &found, NULL), -EINVAL);
	assert_int_equal(json_get_u64(o, "min", &u, &found, NULL), -EINVAL);
	assert_int_equal(json_get_u64(o, "f", &u, &found, NULL), -EINVAL);
	assert_int_equal(json_get_u64(o, "absent", &u, &found, NULL), 0);
	assert_false(found);
	assert_int_equal(json_get_i64(o, "neg", &i, NULL), 0);
	assert_int_equal(i, -1);
	assert_int_equal(json_get_i64(o, "max", &i, NULL), 0);
	assert_true(i == INT64_MAX);
	assert_int_equal(json_get_i64(o, "beyond", &i, NULL), -EINVAL);
	assert_int_equal(json_get_i64(o, "min", &i, NULL), -EINVAL);
	assert_int_equal(json_get_i64(o, "f", &i, NULL), -EINVAL);
	assert_int_equal(json_get_i64(o, "u", &i, NULL), -EINVAL);
	assert_int_equal(json_get_bool(o, "b", &b, NULL), 0);
	assert_true(b);
	assert_int_equal(json_get_bool(o, "s", &b, NULL), -EINVAL);
	assert_int_equal(json_get_object(o, "o", &v, NULL), 0);
	assert_non_null(v);
	assert_int_equal(json_get_object(o, "a", &v, NULL), -EINVAL);
	assert_int_equal(json_get_array(o, "a", 2, &v, NULL), 0);
	assert_int_equal(json_get_array(o, "a", 1, &v, NULL), -EFBIG);
	assert_int_equal(json_get_strv(o, "mixed", 9, &sv, NULL), -EINVAL);
	assert_int_equal(json_get_strv(o, "a", 9, &sv, NULL), 0);
	assert_int_equal(sv.n, 2);
	assert_string_equal(sv.v[1], "q");
	strv_done(&sv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict),	cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_depth),	cmocka_unit_test(test_too_many_values),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
