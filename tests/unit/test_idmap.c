/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "runtime/hostdiag.h"
#include "runtime/idmap.h"

static struct idmap_extent got[IDMAP_EXTENTS_MAX];

static unsigned parse(const char *text)
{
	return idmap_parse(text, "ann", 1000, 1000, IDMAP_COUNT - 1, got);
}

static void test_by_name_and_number(void **state)
{
	(void)state;
	assert_int_equal(parse("bob:100000:65536\nann:165536:65536\n"), 1);
	assert_int_equal(got[0].host, 165536);
	assert_int_equal(got[0].count, 65535);
	assert_int_equal(parse("1000:231072:100\n"), 1);
	assert_int_equal(got[0].host, 231072);
	assert_int_equal(got[0].count, 100);
	assert_int_equal(parse("10000:231072:100\nanna:5:6\nan:5:6\n"), 0);
	/* Without a newline at the end. */
	assert_int_equal(parse("ann:7:9"), 1);
	assert_int_equal(idmap_parse("ann:7:9", NULL, 5, 5, 10, got), 0);
}

static void test_free_range(void **state)
{
	static const char uids[] = "bob:165536:65536\nann:100000:65536\nbad:1:\n";
	static const char gids[] = "#\nbob:300000:10\nlow:1000:500\nann:250000:70000";
	uint32_t first = 0;

	(void)state;
	assert_int_equal(idmap_free_range((const char *const[]){ "", "" }, 2, &first), 0);
	assert_int_equal(first, 100000);
	/* Behind the last of those that leave no room, in whatever order and file they are. */
	assert_int_equal(idmap_free_range((const char *const[]){ uids, gids }, 2, &first), 0);
	assert_int_equal(first, 320000);
	/* A gap that is as large is taken. */
	assert_int_equal(idmap_free_range((const char *const[]){ "a:100000:1\nb:165537:1\n" }, 1,
					  &first),
			 0);
	assert_int_equal(first, 100001);
	assert_int_equal(idmap_free_range((const char *const[]){ "a:100000:4294850000\n" }, 1,
					  &first),
			 -ERANGE);
}

static void test_several_ranges(void **state)
{
	(void)state;
	assert_int_equal(parse("ann:100000:1000\nbob:1:2\nann:300000:70000\nann:1:1\n"), 2);
	assert_int_equal(got[0].count, 1000);
	assert_int_equal(got[1].host, 300000);
	assert_int_equal(got[1].count, 64535);
}

static void test_refused_lines(void **state)
{
	(void)state;
	/* Host id 0 and the user's own id are never mapped a second time. */
	assert_int_equal(parse("ann:0:65536\nann:1000:1\nann:500:501\n"), 0);
	assert_int_equal(parse("ann:4294967295:2\nann:4294967000:4294967000\n"), 0);
	assert_int_equal(parse("ann\nann:\nann:1\nann:x:5\nann:5:x\nann:-5:5\nann:5:0\n\n::\n"), 0);
	assert_int_equal(parse(""), 0);
}

static void test_long_line_is_skipped(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'a', 2000);
	memcpy(text + 2000, ":1:2\nann:50:3\n", sizeof(":1:2\nann:50:3\n"));
	assert_int_equal(parse(text), 1);
	assert_int_equal(got[0].host, 50);
}

static void test_proc_text(void **state)
{
	uint32_t own;

	(void)state;
	assert_int_equal(idmap_parse_proc("         0       1002          1\n"
					  "         1     165536      65535\n",
					  &own, got),
			 1);
	assert_int_equal(own, 1002);
	assert_int_equal(got[0].host, 165536);
	assert_int_equal(got[0].count, 65535);
	assert_int_equal(idmap_parse_proc("0 0 4294967295\n", &own, got), -EINVAL);
	assert_int_equal(idmap_parse_proc("0 5 1\n2 9 9\n", &own, got), -EINVAL);
	assert_int_equal(idmap_parse_proc("", &own, got), -EINVAL);
}

static void test_one_id(void **state)
{
	struct idmap m = { .uid0 = 1000, .n_uid_extents = 1, .n_gid_extents = 1 };
	struct error err = { 0 };
	uint32_t own, row[3];

	(void)state;
	m.uids[0] = m.gids[0] = (struct idmap_extent){ 100000, 65535 };
	m.uid1 = m.gid1 = 100000;
	m.n_uids = m.n_gids = 65535;
	assert_false(idmap_is_single(&m));
	assert_int_equal(idmap_count(&m), 65536);
	m.n_gids = 99;
	assert_int_equal(idmap_count(&m), 100);
	error_set(&err, -ENOENT, "no range");
	error_host(&err, DCODE_NO_SUBID);
	idmap_make_single(&m, &err);
	assert_true(idmap_is_single(&m));
	assert_int_equal(idmap_count(&m), 1);
	/* What records of layers name. */
	assert_int_equal(m.uid1, 0);
	assert_int_equal(m.gid1, 0);
	assert_int_equal(m.why, DCODE_NO_SUBID);
	assert_string_equal(m.why_text, "no range");
	assert_int_equal(idmap_parse_proc("         0       1002          1\n", &own, got), 0);
	assert_int_equal(own, 1002);
	assert_int_equal(idmap_parse_row("      1002       1002          1\n", row), 0);
	assert_int_equal(row[0], 1002);
	assert_int_equal(row[2], 1);
	assert_int_equal(idmap_parse_row("", row), -EINVAL);
	assert_int_equal(idmap_parse_row("1 2\n", row), -EINVAL);
}

static void test_format(void **state)
{
	const struct idmap_extent e[] = { { 100, 10 }, { 500, 5 } };
	struct str_buf b;

	(void)state;
	str_buf_init(&b, 1000);
	idmap_format(&b, 77, e, 2);
	assert_string_equal(b.s, "0 77 1\n1 100 10\n11 500 5\n");
	str_buf_done(&b);
}

/* What newuidmap says decides between one id and no container at all. */
static void test_words_of_the_helper(void **state)
{
	static const struct {
		int status;
		const char *said;
		int r;
		enum dcode dcode;
	} cases[] = {
		{ 127,
		  "p: error while loading shared libraries: libc.so.6: failed to map segment "
		  "from shared object",
		  -ENOMEM, DCODE_NONE },
		{ 13, "p: xgetpwuid: out of memory", -ENOMEM, DCODE_NONE },
		{ 127,
		  "p: error while loading shared libraries: libsubid.so.4: cannot open shared "
		  "object file: No such file or directory",
		  -ENOEXEC, DCODE_NO_NEWIDMAP },
		{ 127, "", -ENOEXEC, DCODE_NO_NEWIDMAP },
		{ 1, "p: Cannot determine your user name.", -EPERM, DCODE_NO_PASSWD },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = { 0 };

		assert_int_equal(hostdiag_idmap("/usr/bin/p", cases[i].status, cases[i].said, &err),
				 cases[i].r);
		assert_int_equal(err.dcode, cases[i].dcode);
		assert_true(err.hint[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_name_and_number),
		cmocka_unit_test(test_free_range),
		cmocka_unit_test(test_several_ranges),
		cmocka_unit_test(test_refused_lines),
		cmocka_unit_test(test_long_line_is_skipped),
		cmocka_unit_test(test_proc_text),
		cmocka_unit_test(test_one_id),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_words_of_the_helper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
