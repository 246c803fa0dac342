/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "registry/authfile.h"
#include "registry/httphdr.h"
#include "registry/tokendoc.h"

static void check_value(const char *s)
{
	assert(strlen(s) < CHALLENGE_VALUE_MAX);
	for (; *s; s++)
		assert((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void as_header(const char *s, size_t n)
{
	struct content_range cr;
	struct challenge ch;
	const char *value;
	size_t len;

	if (challenge_parse(s, n, &ch) == 0) {
		check_value(ch.realm);
		check_value(ch.service);
		check_value(ch.scope);
		assert(ch.scheme == CHALLENGE_BASIC || str_starts(ch.realm, "http"));
	}
	if (content_range_parse(s, n, &cr) == 0)
		assert(cr.first <= cr.last && cr.last < cr.total);
	assert(retry_after_parse(s, n, 60) <= 60);
	if (header_value(s, n, "content-type", &value, &len))
		assert(value >= s && value + len <= s + n);
}

static void as_authfile(const char *s, size_t n)
{
	static const char *const names[] = { "docker.io/a", "example.org/team/app",
					     "127.0.0.1:5000/x" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct authfile_login login = { 0 };
		struct reference ref;

		assert(reference_parse(names[i], &ref, NULL) == 0);
		if (authfile_find(s, n, &ref, &login, NULL) == 0 && login.basic)
			assert(str_starts(login.basic, "Basic ") && !strpbrk(login.basic, "\r\n"));
		authfile_login_done(&login);
	}
}

static void as_token(const char *s, size_t n)
{
	_cleanup_(freep) char *field = NULL;

	if (tokendoc_parse(s, n, &field, NULL) == 0)
		assert(str_starts(field, "Bearer ") && field[7] && !strpbrk(field, "\r\n\t"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exact size: a read past the end is seen by the sanitizer. */
	_cleanup_(freep) char *copy = xmalloc(size + 1);

	memcpy(copy, data, size);
	as_header(copy, size);
	as_authfile(copy, size);
	as_token(copy, size);
	return 0;
}
