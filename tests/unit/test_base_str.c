/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/str.h"

static void assert_json(const char *in, size_t n, const char *want)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, 4096);
	str_buf_add_json(&b, in, n);
	assert_int_equal(str_buf_end(&b), 0);
	assert_string_equal(b.s, want);
}

static void test_json(void **state)
{
	(void)state;
	assert_json("", 0, "\"\"");
	assert_json("a\"b\\c\nd\te\x7f", 10, "\"a\\\"b\\\\c\\nd\\u0009e\\u007f\"");
	assert_json("a\0b", 3, "\"a\\u0000b\"");
	assert_json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3", 9,
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\"");
	/* Overlong, surrogate, beyond U+10FFFF, lone continuation, cut at the end. */
	assert_json("\xc0\xaf", 2, "\"\\ufffd\\ufffd\"");
	assert_json("\xe0\x80\xaf", 3, "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_json("\x80z", 2, "\"\\ufffdz\"");
	assert_json("z\xe2\x82", 3, "\"z\\ufffd\\ufffd\"");
	assert_json("\xff", 1, "\"\\ufffd\"");
}

static void test_buf_limit(void **state)
{
	_cleanup_(str_buf_done) struct str_buf b;

	(void)state;
	str_buf_init(&b, 5);
	str_buf_adds(&b, "12345");
	assert_int_equal(str_buf_end(&b), 0);
	str_buf_addc(&b, '6');
	str_buf_adds(&b, "");
	assert_int_equal(str_buf_end(&b), -EFBIG);
	assert_string_equal(b.s, "12345");
}

static void test_buf_format(void **state)
{
	_cleanup_(str_buf_done) struct str_buf b;
	_cleanup_(freep) char *s = NULL;
	_cleanup_(freep) char *empty = NULL;

	(void)state;
	str_buf_init(&b, 1000);
	str_buf_addf(&b, "%0255d", 1);
	str_buf_addf(&b, "%0256d", 2);
	str_buf_addf(&b, "%0489d", 3);
	assert_int_equal(str_buf_end(&b), 0);
	assert_int_equal(b.len, 1000);
	str_buf_addf(&b, "%d", 4);
	assert_int_equal(str_buf_end(&b), -EFBIG);
	s = str_buf_take(&b);
	assert_int_equal(strlen(s), 1000);
	empty = str_buf_take(&b);
	assert_string_equal(empty, "");
}

static void test_copy(void **state)
{
	char buf[4] = "xyz";

	(void)state;
	assert_int_equal(str_copy(buf, sizeof(buf), "abcd"), -ENAMETOOLONG);
	assert_string_equal(buf, "");
	assert_int_equal(str_copy(buf, sizeof(buf), "abc"), 0);
	assert_string_equal(buf, "abc");
	assert_int_equal(str_print(buf, sizeof(buf), "%d", 1000), -ENAMETOOLONG);
	assert_int_equal(str_print(buf, sizeof(buf), "%d", 100), 0);
	assert_true(str_ends("abc", "bc"));
	assert_false(str_ends("c", "bc"));
	assert_true(str_ends("", ""));
}

static void test_strv(void **state)
{
	_cleanup_(strv_done) struct strv v = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		strv_addf(&v, "A%d=%d", i, i);
	assert_int_equal(v.n, 100);
	assert_null(v.v[100]);
	strv_env_set(&v, "A7=new=er");
	strv_env_set(&v, "B=");
	assert_int_equal(v.n, 101);
	assert_string_equal(strv_env_get(&v, "A7"), "new=er");
	assert_string_equal(strv_env_get(&v, "B"), "");
	assert_string_equal(strv_env_get(&v, "A70"), "70");
	assert_null(strv_env_get(&v, "A"));
}

static void printed(const struct error *err, char *buf, size_t size)
{
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	error_print(err, f);
	rewind(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	(void)fclose(f);
}

static void test_error_print(void **state)
{
	struct error err = { 0 };
	char out[4096];

	(void)state;
	printed(&err, out, sizeof(out));
	assert_string_equal(out, "");
	errno = ENOENT;
	assert_int_equal(error_sys(&err, "open %s", "a\033[31m\r\nb"), -ENOENT);
	error_prefix(&err, "layer %d", 3);
	error_hint(&err, "look\x07");
	printed(&err, out, sizeof(out));
	assert_string_equal(
		out, "carrel: layer 3: open a\\x1b[31m\\x0d\\x0ab: No such file or directory\n"
		     "carrel: hint: look\\x07\n");
	/* UTF-8 stays; C1 controls (also as U+009B), broken bytes and line reordering do not. */
	error_set(&err, -EINVAL, "\xc3\xa9 \xc2\x9b \x9b \xe2\x80\xae \xe2\x81\xa6 \xe2\x82");
	printed(&err, out, sizeof(out));
	assert_string_equal(
		out,
		"carrel: \xc3\xa9 \\xc2\\x9b \\x9b \\xe2\\x80\\xae \\xe2\\x81\\xa6 \\xe2\\x82\n");
}

static void test_error_long(void **state)
{
	struct error err = { 0 };
	char big[2000], out[8192];

	(void)state;
	memset(big, 'p', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	error_set(&err, -EINVAL, "the cause");
	error_prefix(&err, "%s", big);
	assert_non_null(strstr(err.text, "pp: the cause"));
	error_set(&err, -EINVAL, "%s", big);
	error_prefix(&err, "front");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_true(str_starts(err.text, "front: ppp"));
	memset(big, '\x01', sizeof(big) - 1);
	error_set(&err, -EINVAL, "%s", big);
	error_hint(&err, "%s", big);
	error_host(&err, DCODE_NO_TUN);
	printed(&err, out, sizeof(out));
	assert_non_null(strstr(out, "\\x01 [D-07]\ncarrel: hint: \\x01"));
	/* The arguments may be the old text. */
	error_set(&err, -EINVAL, "old");
	error_set(&err, -EIO, "new after %s", err.text);
	assert_string_equal(err.text, "new after old");
}

static void test_error_fields(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(NULL, -EIO, "x"), -EIO);
	error_prefix(NULL, "x");
	error_hint(NULL, "x");
	error_host(NULL, DCODE_NO_TUN);
	error_prefix(&err, "nothing is set yet");
	assert_string_equal(err.text, "");
	assert_int_equal(error_exit_status(&err), EXIT_OURS);
	error_code(&err, -EPERM, "open /dev/net/tun");
	error_host(&err, DCODE_NO_TUN);
	assert_non_null(strstr(err.hint, "modprobe tun"));
	error_exit(&err, EXIT_NOT_FOUND);
	assert_int_equal(error_exit_status(&err), EXIT_NOT_FOUND);
	error_hint(&err, "own");
	error_host(&err, DCODE_NO_SUBID);
	assert_string_equal(err.hint, "own");
	error_code(&err, -EMFILE, "mount inside the new user namespace");
	error_host(&err, DCODE_USERNS_DENIED); /* its own limit */
	assert_int_equal(err.dcode, DCODE_NONE);
	error_set(&err, -EIO, "again");
	assert_int_equal(err.dcode, DCODE_NONE);
	assert_string_equal(err.hint, "");
	error_clear(&err);
	assert_false(error_is_set(&err));
}

/* What may reach a terminal out of hostile names, and what stands for the rest. */
static void test_shown(void **state)
{
	static const struct {
		const char *in, *shown, *json;
	} cases[] = {
		{ "caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac",
		  "\"caf\xc3\xa9 \xe2\x82\xac\"" },
		{ "a\033[2Jb\177", "a?[2Jb?", "\"a\\u001b[2Jb\\u007f\"" },
		{ "\xc2\x9b"
		  "2J",
		  "?2J", "\"\\u009b2J\"" },
		{ "\x9b"
		  "2J\xe2\x80",
		  "?2J??", "\"\\ufffd2J\\ufffd\\ufffd\"" },
		{ "x\xe2\x80\xaey\xe2\x81\xa6", "x?y?", "\"x\\u202ey\\u2066\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str_buf b __attribute__((cleanup(str_buf_done)));
		char s[64];

		assert_int_equal(str_copy(s, sizeof(s), cases[i].in), 0);
		str_make_shown(s);
		assert_string_equal(s, cases[i].shown);
		str_buf_init(&b, 256);
		str_buf_add_json(&b, cases[i].in, strlen(cases[i].in));
		assert_string_equal(b.s, cases[i].json);
		str_buf_done(&b);
		str_buf_init(&b, 256);
		str_buf_addf(&b, "[ \"%s\" ]", cases[i].in);
		assert_int_equal(str_copy(s, sizeof(s), b.s), 0);
		str_buf_done(&b);
		str_buf_init(&b, 256);
		str_buf_add_json_text(&b, s);
		if (i != 1) /* a raw ESC is no JSON in any case */
			assert_memory_equal(b.s + 2, cases[i].json, strlen(cases[i].json));
	}
}

static void test_error_import(void **state)
{
	struct error from, to;

	(void)state;
	memset(&from, 'x', sizeof(from));
	from.code = INT_MIN;
	error_import(&to, &from);
	assert_int_equal(to.code, -EPROTO);
	assert_int_equal(strlen(to.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(strlen(to.hint), ERROR_HINT_MAX - 1);
	error_set(&from, -ENOENT, "it");
	error_import(&to, &from);
	assert_int_equal(to.code, -ENOENT);
	assert_string_equal(to.text, "it");
	error_import(NULL, &from);
}

static void test_dcode_rows(void **state)
{
	(void)state;
	for (int i = DCODE_NONE + 1; i < DCODE_MAX; i++) {
		const struct dcode_row *row = dcode_get((enum dcode)i);
		char name[8];

		assert_non_null(row);
		assert_int_equal(row->code, i);
		assert_int_equal(str_print(name, sizeof(name), "D-%02d", i), 0);
		assert_string_equal(row->name, name);
		/* error_host() copies it into a field of fixed size. */
		assert_true(strlen(row->fix) < ERROR_HINT_MAX);
		assert_true(*row->title && *row->lost);
	}
	assert_null(dcode_get(DCODE_NONE));
	assert_null(dcode_get(DCODE_MAX));
	assert_null(dcode_get((enum dcode) - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),	     cmocka_unit_test(test_buf_limit),
		cmocka_unit_test(test_buf_format),   cmocka_unit_test(test_copy),
		cmocka_unit_test(test_strv),	     cmocka_unit_test(test_error_print),
		cmocka_unit_test(test_error_long),   cmocka_unit_test(test_error_fields),
		cmocka_unit_test(test_dcode_rows),   cmocka_unit_test(test_shown),
		cmocka_unit_test(test_error_import),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
