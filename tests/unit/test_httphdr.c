/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cm.h"
#include "registry/authfile.h"
#include "registry/httphdr.h"

static int challenge(const char *s, struct challenge *ret)
{
	return challenge_parse(s, strlen(s), ret);
}

static void test_challenge(void **state)
{
	struct challenge ch;

	(void)state;
	assert_int_equal(challenge("Bearer realm=\"https://auth.docker.io/token\","
				   "service=\"registry.docker.io\",scope=\"repository:a/b:pull\"",
				   &ch),
			 0);
	assert_int_equal(ch.scheme, CHALLENGE_BEARER);
	assert_string_equal(ch.realm, "https://auth.docker.io/token");
	assert_string_equal(ch.service, "registry.docker.io");
	assert_string_equal(ch.scope, "repository:a/b:pull");
	assert_int_equal(challenge("bearer  REALM = http://h/t , error=\"x\"", &ch), 0);
	assert_string_equal(ch.realm, "http://h/t");
	assert_string_equal(ch.scope, "");
	assert_int_equal(challenge("Basic realm=\"a \\\"b\\\" c\"", &ch), 0);
	assert_int_equal(ch.scheme, CHALLENGE_BASIC);
	assert_string_equal(ch.realm, "a \"b\" c");
	assert_int_equal(challenge("Basic", &ch), 0);
}

static void test_challenges_in_one_field(void **state)
{
	static const char *const fields[] = {
		"Bearer realm=\"https://h/\", Basic realm=\"x\"",
		"Basic realm=\"x\", Bearer realm=\"https://h/\"",
		"Basic,Bearer realm=https://h/",
		"Negotiate, Bearer realm=\"https://h/\"",
		"Negotiate YII=, Bearer realm=\"https://h/\"",
		"Digest realm=\"a, Bearer realm=b\", nonce=\"\\\"\", Bearer realm=\"https://h/\", NTLM",
		", Bearer realm=\"https://h/\", Bearer realm=\"https://second/\",",
	};
	struct challenge ch;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (challenge(fields[i], &ch) != 0)
			fail_msg("'%s' is refused", fields[i]);
		assert_int_equal(ch.scheme, CHALLENGE_BEARER);
		assert_string_equal(ch.realm, "https://h/");
	}
	assert_int_equal(challenge("Digest realm=\"x\", Basic realm=\"y\"", &ch), 0);
	assert_int_equal(ch.scheme, CHALLENGE_BASIC);
	assert_string_equal(ch.realm, "y");
	assert_int_equal(challenge("Negotiate YII=, NTLM", &ch), -EOPNOTSUPP);
}

static void test_hostile_challenge(void **state)
{
	static const char *const bads[] = {
		"",
		"Bearer",
		"Bearer realm",
		"Bearer realm=",
		"Bearer realm=\"",
		"Bearer realm=\"https://h/\\",
		"Bearer realm=\"file:///etc/passwd\"",
		"Bearer realm=\"ftp://h/\"",
		"Bearer realm=\"//h/\"",
		"Bearer realm=\"https://\"",
		"Bearer realm=\"https://user:pw@h/\"",
		"Bearer realm=\"https://h/#f\"",
		"Bearer realm=\"https://h/ x\"",
		"Bearer realm=\"https://h/\",realm=\"https://i/\"",
		"Bearer realm=\"https://h/\r\nX: y\"",
		"Bearer realm=\"https://h/\",scope=\"\x01\"",
		"Bearer realm=\"https://h/\" Basic realm=\"x\"",
		"Bearer realm=\"file:///\", Basic realm=\"x\"",
		"Basic realm=\"x\", Bearer",
		"Negotiate, \"x\"",
		" , ",
	};
	char longest[3000] = "Bearer realm=\"https://h/";
	struct challenge ch;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++)
		if (challenge(bads[i], &ch) != -EINVAL)
			fail_msg("'%s' was accepted", bads[i]);
	memset(longest + strlen(longest), 'a', 2000);
	assert_int_equal(challenge(longest, &ch), -EINVAL);
	assert_int_equal(challenge("Digest realm=\"x\"", &ch), -EOPNOTSUPP);
	assert_int_equal(challenge("Negotiate", &ch), -EOPNOTSUPP);
}

static int range(const char *s, struct content_range *ret)
{
	return content_range_parse(s, strlen(s), ret);
}

static void test_content_range(void **state)
{
	static const char *const bads[] = { "",
					    "bytes",
					    "bytes */10",
					    "bytes 1-2",
					    "bytes 5-4/10",
					    "bytes 0-10/10",
					    "bytes 0-9/10x",
					    "items 0-9/10",
					    "bytes -1-9/10",
					    "bytes 0-99999999999999999999/*" };
	struct content_range cr;

	(void)state;
	assert_int_equal(range("bytes 100-199/200", &cr), 0);
	assert_true(cr.first == 100 && cr.last == 199 && cr.total == 200);
	assert_int_equal(range("bytes 0-0/*", &cr), 0);
	assert_true(cr.total == UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++)
		if (range(bads[i], &cr) == 0)
			fail_msg("'%s' was accepted", bads[i]);
}

static void test_retry_after(void **state)
{
	(void)state;
	assert_int_equal(retry_after_parse("5", 1, 60), 5);
	assert_int_equal(retry_after_parse("500", 3, 60), 60);
	assert_int_equal(retry_after_parse("99999999999999999999999", 23, 60), 60);
	assert_int_equal(retry_after_parse("-1", 2, 60), 0);
	assert_int_equal(retry_after_parse("Wed, 21 Oct 2026 07:28:00 GMT", 29, 60), 0);
	assert_int_equal(retry_after_parse("", 0, 60), 0);
}

static void test_header_value(void **state)
{
	static const char line[] = "WWW-Authenticate: \t Basic x \r\n";
	const char *v;
	size_t n;

	(void)state;
	assert_true(header_value(line, strlen(line), "www-authenticate", &v, &n));
	assert_int_equal(n, 7);
	assert_memory_equal(v, "Basic x", 7);
	assert_false(header_value(line, strlen(line), "www", &v, &n));
	assert_false(header_value("a", 1, "abc", &v, &n));
	assert_true(header_value("a:", 2, "a", &v, &n));
	assert_int_equal(n, 0);
}

static const char auths[] =
	"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"aHViOmE=\"},"
	"\"example.org\":{\"auth\":\"aG9zdDph\"},\"example.org/team\":{\"auth\":\"dGVhbTph\"},"
	"\"127.0.0.1:5000\":{\"auth\":\"bG9jYWw6YQ==\"},\"empty.org\":{},"
	"\"oauth.org\":{\"auth\":\"bWU6\",\"identitytoken\":\"a b\"},\"deep.org\":{\"identitytoken\":{}},"
	"\"bad.org\":{\"auth\":\"a\\r\\nb\"}}}";

static void check_auth(const char *name, const char *want)
{
	_cleanup_(authfile_login_done) struct authfile_login login = { 0 };
	struct reference ref;

	assert_int_equal(reference_parse(name, &ref, NULL), 0);
	assert_int_equal(authfile_find(auths, strlen(auths), &ref, &login, NULL), 0);
	if (want)
		assert_string_equal(login.basic, want);
	else
		assert_null(login.basic);
	assert_int_equal(login.identity != NULL, str_starts(name, "oauth.org"));
	if (login.identity)
		assert_string_equal(login.identity, "a b");
}

static void test_authfile(void **state)
{
	struct reference ref;
	struct authfile_login login = { 0 };

	(void)state;
	check_auth("oauth.org/x", "Basic bWU6");
	check_auth("debian:12", "Basic aHViOmE=");
	check_auth("example.org/x", "Basic aG9zdDph");
	check_auth("example.org/team/app", "Basic dGVhbTph");
	check_auth("example.org/teams", "Basic aG9zdDph");
	check_auth("127.0.0.1:5000/x", "Basic bG9jYWw6YQ==");
	check_auth("127.0.0.1:5001/x", NULL);
	check_auth("sub.example.org/x", NULL);
	check_auth("empty.org/x", NULL);
	assert_int_equal(reference_parse("bad.org/x", &ref, NULL), 0);
	assert_int_equal(authfile_find(auths, strlen(auths), &ref, &login, NULL), -EINVAL);
	assert_int_equal(reference_parse("deep.org/x", &ref, NULL), 0);
	assert_int_equal(authfile_find(auths, strlen(auths), &ref, &login, NULL), -EINVAL);
	assert_int_equal(authfile_find("{", 1, &ref, &login, NULL), -EINVAL);
	assert_int_equal(authfile_find("\0", 1, &ref, &login, NULL), -EINVAL);
	assert_int_equal(authfile_find("{}", 2, &ref, &login, NULL), 0);
	assert_int_equal(authfile_find("", 0, &ref, &login, NULL), 0);
	assert_int_equal(authfile_find(" \n", 2, &ref, &login, NULL), 0);
	assert_true(!login.basic && !login.identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_challenges_in_one_field),
		cmocka_unit_test(test_hostile_challenge),
		cmocka_unit_test(test_content_range),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_header_value),
		cmocka_unit_test(test_authfile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
