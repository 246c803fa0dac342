/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "cm.h"
#include "runtime/logout.h"

static void test_place(void **state)
{
	static const struct {
		const char *path;
		enum logout_place place;
		uid_t uid;
	} rows[] = {
		{ "user.slice/user-1000.slice/session-3.scope", LOGOUT_SESSION, 1000 },
		{ "user.slice/user-1000.slice/session-c1.scope/x", LOGOUT_SESSION, 1000 },
		{ "user.slice/user-0.slice/session-1.scope", LOGOUT_SESSION, 0 },
		{ "user.slice/user-1000.slice/user@1000.service/app.slice/carrel-1-2.scope",
		  LOGOUT_MANAGER, 1000 },
		{ "user.slice/user-7.slice/user@7.service", LOGOUT_MANAGER, 7 },
		{ "user.slice/user-7.slice/user@7.service/app.slice/a.service", LOGOUT_UNIT, 7 },
		{ "user.slice/user-7.slice/user@7.service/app.slice/a.service/carrel-1",
		  LOGOUT_UNIT, 7 },
		{ "user.slice/user-7.slice/user@7.service/app.slice/.service", LOGOUT_MANAGER, 7 },
		{ "user.slice/user-7.slice/user@7.service/app.slice/a.services", LOGOUT_MANAGER,
		  7 },
		{ "", LOGOUT_STAYS, 0 },
		{ "system.slice/cron.service", LOGOUT_STAYS, 0 },
		{ "user.slice/user-1000.slice", LOGOUT_STAYS, 0 },
		{ "user.slice/user-1000.slice/session-.scope", LOGOUT_STAYS, 0 },
		/* somebody's own names */
		{ "lab.slice/session-3.scope", LOGOUT_STAYS, 0 },
		{ "user.slice/user-1000.slice/x/session-3.scope", LOGOUT_STAYS, 0 },
		{ "user@x.service", LOGOUT_STAYS, 0 },
		{ "user@99999999999.service", LOGOUT_STAYS, 0 },
		{ "user@.service", LOGOUT_STAYS, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uid_t uid = 0;

		assert_int_equal(logout_place(rows[i].path, &uid, NULL), rows[i].place);
		assert_int_equal(uid, rows[i].uid);
	}
}

/* Sooner than at logout, and lingering is no remedy. */
static void test_unit(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(logout_check("user.slice/user-7.slice/user@7.service/app.slice/"
				      "run-u3.service/carrel-1",
				      &err),
			 -EOPNOTSUPP);
	assert_string_equal(err.text,
			    "it ends with run-u3.service, unless that has KillMode=process");
	assert_int_equal(err.dcode, DCODE_NO_LINGER);
	assert_null(strstr(err.hint, "linger"));
}

static void test_conf(void **state)
{
	struct logout_conf c = { .exclude = "root" };

	(void)state;
	assert_false(logout_conf_kills(&c, "ann"));
	logout_conf_parse("[Login]\n#KillUserProcesses=yes\n;KillUserProcesses=yes\n", &c);
	assert_false(logout_conf_kills(&c, "ann"));
	logout_conf_parse("[Login]\r\n KillUserProcesses = yes \r\n", &c);
	assert_true(logout_conf_kills(&c, "ann"));
	assert_false(logout_conf_kills(&c, "root"));
	/* what comes later adds to a list, and is stronger than a word */
	logout_conf_parse("KillExcludeUsers=bob ann", &c);
	assert_false(logout_conf_kills(&c, "ann"));
	assert_false(logout_conf_kills(&c, "bob"));
	assert_true(logout_conf_kills(&c, "an"));
	logout_conf_parse("KillExcludeUsers=\n", &c);
	assert_true(logout_conf_kills(&c, "ann"));
	assert_true(logout_conf_kills(&c, "root"));
	logout_conf_parse("KillOnlyUsers=eve\nKillOnlyUsers=dan\n", &c);
	assert_false(logout_conf_kills(&c, "ann"));
	assert_true(logout_conf_kills(&c, "eve"));
	assert_true(logout_conf_kills(&c, "dan"));
	logout_conf_parse("KillUserProcesses=off", &c);
	assert_false(logout_conf_kills(&c, "eve"));
	logout_conf_parse("KillUserProcesses", &c);
	assert_false(logout_conf_kills(&c, "eve"));
}

/* A list that is too long for us is cut between words. */
static void test_long_list(void **state)
{
	struct logout_conf c = { .kill = true };

	(void)state;
	for (int i = 0; i < 1000; i++)
		logout_conf_parse("KillExcludeUsers=somebody", &c);
	assert_false(logout_conf_kills(&c, "somebody"));
	assert_true(logout_conf_kills(&c, "some"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_unit),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_long_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
