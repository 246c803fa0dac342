/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/digest.h"
#include "oci/reference.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct good {
	const char *in, *domain, *path, *tag, *full, *familiar;
} goods[] = {
	{ "debian", "docker.io", "library/debian", "latest", "docker.io/library/debian:latest",
	  "debian:latest" },
	{ "debian:12", "docker.io", "library/debian", "12", "docker.io/library/debian:12",
	  "debian:12" },
	{ "user/app:1", "docker.io", "user/app", "1", "docker.io/user/app:1", "user/app:1" },
	{ "docker.io/debian", "docker.io", "library/debian", "latest",
	  "docker.io/library/debian:latest", "debian:latest" },
	{ "index.docker.io/library/debian:12", "docker.io", "library/debian", "12",
	  "docker.io/library/debian:12", "debian:12" },
	{ "docker.io/library/x/y", "docker.io", "library/x/y", "latest",
	  "docker.io/library/x/y:latest", "library/x/y:latest" },
	{ "127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest", "127.0.0.1:5000/a:latest",
	  "127.0.0.1:5000/a:latest" },
	{ "127.0.0.1:5000/debian:12", "127.0.0.1:5000", "debian", "12", "127.0.0.1:5000/debian:12",
	  "127.0.0.1:5000/debian:12" },
	{ "[::1]:5000/a:b", "[::1]:5000", "a", "b", "[::1]:5000/a:b", "[::1]:5000/a:b" },
	{ "localhost/hello", "localhost", "hello", "latest", "localhost/hello:latest",
	  "localhost/hello:latest" },
	{ "Registry.Example:443/a__b/c.d/e---f:V_1.x-y", "Registry.Example:443", "a__b/c.d/e---f",
	  "V_1.x-y", "Registry.Example:443/a__b/c.d/e---f:V_1.x-y",
	  "Registry.Example:443/a__b/c.d/e---f:V_1.x-y" },
	{ "debian@sha256:" HEX, "docker.io", "library/debian", "",
	  "docker.io/library/debian@sha256:" HEX, "debian@sha256:" HEX },
	{ "debian:12@sha256:" HEX, "docker.io", "library/debian", "12",
	  "docker.io/library/debian:12@sha256:" HEX, "debian:12@sha256:" HEX },
	{ "debian:5000", "docker.io", "library/debian", "5000", "docker.io/library/debian:5000",
	  "debian:5000" },
};

static void test_good(void **state)
{
	char buf[REFERENCE_STR_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(goods); i++) {
		const struct good *g = &goods[i];
		struct reference ref, again;
		struct error err = { 0 };

		if (reference_parse(g->in, &ref, &err) < 0)
			fail_msg("%s: %s", g->in, err.text);
		assert_string_equal(ref.domain, g->domain);
		assert_string_equal(ref.path, g->path);
		assert_string_equal(ref.tag, g->tag);
		assert_string_equal(reference_format(&ref, buf), g->full);
		/* The full form is a fixed point: it is the key of refs/. */
		assert_int_equal(reference_parse(buf, &again, NULL), 0);
		assert_memory_equal(again.path, ref.path, strlen(ref.path) + 1);
		assert_string_equal(reference_familiar(&ref, buf), g->familiar);
	}
}

static const char *const bads[] = {
	"",
	":12",
	"/debian",
	"debian/",
	"a//b",
	"Debian",
	"docker.io/Debian",
	"deb ian",
	"debian:",
	"debian:a b",
	"debian:-x",
	"debian:.x",
	"debian@",
	"debian@sha256:12",
	"debian@sha512:" HEX HEX,
	"debian@sha256:" HEX "0",
	"debian@SHA256:" HEX,
	HEX,
	"../etc/passwd",
	"a/../b",
	"a/./b",
	".",
	"..",
	"a/.b",
	"a_-b",
	"a...b",
	"a___b",
	"-a",
	"a-",
	"localhost:/a",
	"localhost:0/a",
	"localhost:70000/a",
	"localhost:80x/a",
	"-bad.host/a",
	"bad-.host/a",
	"exa mple.com/a",
	"u:p@host.com/a",
	"http://host.com/a",
	"host.com/a?b",
	"host.com/a#b",
	"host.com/a%2f",
	"[::1/a",
	"[]/a",
	"[zz]/a",
	"[:....01]/a",
	"[1:2]/a",
	"[::1::2]/a",
	"host..com/a",
	"a\nb",
	"a\tb",
	"a:" A50 A50 A50,
	A50 A50 A50 A50 A50 A50,
	"\xc3\xa4",
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		struct reference ref;
		struct error err = { 0 };

		if (reference_parse(bads[i], &ref, &err) != -EINVAL)
			fail_msg("'%s' was accepted", bads[i]);
		assert_true(err.text[0] && err.hint[0]);
	}
}

static void test_digest(void **state)
{
	struct digest d, e;
	uint8_t bytes[32] = { 0x01, 0x23, 0xab };
	char buf[DIGEST_STR_MAX];

	(void)state;
	assert_int_equal(digest_parse("sha256:" HEX, &d), 0);
	assert_string_equal(digest_format(&d, buf), "sha256:" HEX);
	assert_int_equal(digest_parse("sha512:" HEX HEX, &d), -EOPNOTSUPP);
	assert_int_equal(digest_parse("sha256:" HEX "a", &d), -EINVAL);
	assert_int_equal(digest_parse("sha256:../../../x", &d), -EINVAL);
	assert_int_equal(digest_parse("sha256:", &d), -EINVAL);
	assert_int_equal(digest_parse(":" HEX, &d), -EINVAL);
	assert_int_equal(digest_parse("SHA256:" HEX, &d), -EINVAL);
	digest_from_bytes(bytes, &e);
	assert_memory_equal(e.hex, "0123ab0000", 10);
	assert_int_equal(strlen(e.hex), DIGEST_HEX_LEN);
	assert_false(digest_equal(&d, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
