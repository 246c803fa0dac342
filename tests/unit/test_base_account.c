/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "base/account.h"
#include "cm.h"

static void test_parse(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/sh\n"
				   "# a:x:7:7::/no:/no\n"
				   "short:x:7\n"
				   "long:x:77777777777777:7::/no:/no\n"
				   "sign:x:-7:7::/no:/no\n"
				   "\n"
				   "ann:x:7:8:Ann, of 7:/home/ann:/bin/sh\n"
				   "bob:x:70:8::/home/bob";
	struct account a = { 0 };

	(void)state;
	assert_int_equal(account_parse(text, 7, &a), 0);
	assert_string_equal(a.name, "ann");
	assert_string_equal(a.home, "/home/ann");
	account_done(&a);
	assert_int_equal(account_parse(text, 70, &a), 0);
	assert_string_equal(a.name, "bob");
	assert_string_equal(a.home, "/home/bob");
	account_done(&a);
	assert_null(a.name);
	assert_int_equal(account_parse(text, 8, &a), -ENOENT);
	assert_int_equal(account_parse("", 0, &a), -ENOENT);
	assert_int_equal(account_parse(":::", 0, &a), -ENOENT);
}

static void test_parse_group(void **state)
{
	_cleanup_(freep) char *name = NULL;

	(void)state;
	assert_int_equal(account_parse_group("root:x:0:\ntty:x:5:ann,bob\nx:x:55", 5, &name), 0);
	assert_string_equal(name, "tty");
	freep(&name);
	name = NULL;
	assert_int_equal(account_parse_group("root:x:0:\nlast:x:55", 55, &name), 0);
	assert_string_equal(name, "last");
	freep(&name);
	name = NULL;
	assert_int_equal(account_parse_group("root:x:0:\n", 5, &name), -ENOENT);
	assert_int_equal(account_parse_group("a:5\n5\n:::\n", 5, &name), -ENOENT);
	assert_null(name);
}

/* Whoever runs the tests: as the host's own name service has it. */
static void test_own_entry(void **state)
{
	const struct passwd *pw = getpwuid(getuid());
	struct account a;
	int r = account_get(getuid(), &a);

	(void)state;
	assert_int_equal(r, pw ? 0 : -ENOENT);
	if (pw) {
		assert_string_equal(a.name, pw->pw_name);
		assert_string_equal(a.home, pw->pw_dir);
	}
	account_done(&a);
	assert_int_equal(account_get(4294967294u, &a), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_group),
		cmocka_unit_test(test_own_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
