/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oci/reference.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"

#define DEFAULT_DOMAIN "docker.io"
#define DEFAULT_PREFIX "library/"

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_upper(c) || is_digit(c);
}

/* [a-z0-9]+ joined by one of: "." "_" "__" or any number of "-". */
static bool path_component_is_valid(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t start = i;

		while (i < n && (is_lower(s[i]) || is_digit(s[i])))
			i++;
		if (i == start)
			return false;
		if (i == n)
			return true;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i += i + 1 < n && s[i + 1] == '_' ? 2 : 1;
		} else if (s[i] == '-') {
			while (i < n && s[i] == '-')
				i++;
		} else {
			return false;
		}
	}
	return false; /* empty, or it ends with a separator */
}

static bool path_is_valid(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");

		if (!path_component_is_valid(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool port_is_valid(const char *s)
{
	unsigned v = 0;

	if (!*s || strlen(s) > 5)
		return false;
	for (; *s; s++) {
		if (!is_digit(*s))
			return false;
		v = v * 10 + (unsigned)(*s - '0');
	}
	return v > 0 && v <= 65535;
}

static bool label_is_valid(const char *s, size_t n)
{
	if (n == 0 || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

/* "[" an address "]", without a zone. */
static const char *skip_ipv6(const char *s)
{
	size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (n >= sizeof(text) || s[1 + n] != ']')
		return NULL;
	memcpy(text, s + 1, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &a) == 1 ? s + n + 2 : NULL;
}

static bool domain_is_valid(const char *s)
{
	if (*s == '[') {
		s = skip_ipv6(s);
		if (!s)
			return false;
		return !*s || (*s == ':' && port_is_valid(s + 1));
	}
	for (;;) {
		size_t n = strcspn(s, ".:");

		if (!label_is_valid(s, n))
			return false;
		s += n;
		if (!*s)
			return true;
		if (*s == ':')
			return port_is_valid(s + 1);
		s++;
	}
}

static bool tag_is_valid(const char *s)
{
	if (!is_alnum(*s) && *s != '_')
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr("_.-", *s))
			return false;
	return true;
}

static bool first_is_domain(const char *s, size_t n)
{
	return *s == '[' || memchr(s, '.', n) || memchr(s, ':', n) ||
	       (n == strlen("localhost") && strncmp(s, "localhost", n) == 0);
}

static int bad(const char *s, const char *why, struct error *err)
{
	error_set(err, -EINVAL, "bad image reference '%.300s': %s", s, why);
	error_hint(err, "write [REGISTRY/]NAME[:TAG][@sha256:DIGEST], for example debian:12");
	return -EINVAL;
}

/* Cuts "@digest" and ":tag" off `name`. */
static int take_suffixes(const char *s, char *name, struct reference *ref, struct error *err)
{
	char *at = strchr(name, '@'), *slash, *colon;
	int r;

	if (at) {
		*at = '\0';
		r = digest_parse(at + 1, &ref->digest);
		if (r == -EOPNOTSUPP)
			return bad(s, "only sha256 digests are supported", err);
		if (r < 0)
			return bad(s, "the digest is not sha256: and 64 hex digits", err);
	}
	/* A bare "[::1]" has colons that are no tag; a tag comes after the last slash only. */
	slash = strrchr(name, '/');
	colon = strrchr(slash ? slash : name, ':');
	if (colon && !(name[0] == '[' && !slash)) {
		*colon = '\0';
		if (!tag_is_valid(colon + 1))
			return bad(s, "the tag has characters that tags cannot have", err);
		if (str_copy(ref->tag, sizeof(ref->tag), colon + 1) < 0)
			return bad(s, "the tag is longer than 128 characters", err);
	}
	return 0;
}

static int take_name(const char *s, const char *name, struct reference *ref, struct error *err)
{
	size_t first = strcspn(name, "/");
	const char *path = name, *prefix = "";
	char domain[REFERENCE_NAME_MAX + 1] = DEFAULT_DOMAIN;
	struct digest ignored;

	if (name[first] == '/' && first_is_domain(name, first)) {
		memcpy(domain, name, first);
		domain[first] = '\0';
		path = name + first + 1;
		if (!domain_is_valid(domain))
			return bad(s, "the registry name is not a host name", err);
		if (str_eq(domain, "index.docker.io"))
			memcpy(domain, DEFAULT_DOMAIN, sizeof(DEFAULT_DOMAIN));
	}
	if (str_eq(domain, DEFAULT_DOMAIN) && !strchr(path, '/'))
		prefix = DEFAULT_PREFIX;
	for (const char *p = path; *p; p++)
		if (is_upper(*p))
			return bad(s, "the name must be lower case", err);
	if (!path_is_valid(path))
		return bad(s, "the name has characters or parts that names cannot have", err);
	/* docker: 64 hex digits alone always mean an image id */
	if (*prefix && digest_from_hex(path, &ignored) == 0)
		return bad(s, "64 hex digits are an image id, not a name", err);
	if (strlen(domain) + 1 + strlen(prefix) + strlen(path) > REFERENCE_NAME_MAX)
		return bad(s, "the name is longer than 255 characters", err);
	/* Fits: the sum was checked above. */
	ignore_result(str_copy(ref->domain, sizeof(ref->domain), domain));
	ignore_result(str_print(ref->path, sizeof(ref->path), "%s%s", prefix, path));
	return 0;
}

int reference_parse(const char *s, struct reference *ret, struct error *err)
{
	char name[REFERENCE_STR_MAX];
	struct reference ref = { 0 };
	int r;

	if (!*s)
		return bad(s, "it is empty", err);
	if (strstr(s, "://"))
		return bad(s, "a name has no scheme: leave out what ends with ://", err);
	if (str_copy(name, sizeof(name), s) < 0)
		return bad(s, "it is too long", err);
	r = take_suffixes(s, name, &ref, err);
	if (r < 0)
		return r;
	if (strlen(name) > REFERENCE_NAME_MAX)
		return bad(s, "the name is longer than 255 characters", err);
	r = take_name(s, name, &ref, err);
	if (r < 0)
		return r;
	if (!ref.tag[0] && !digest_is_set(&ref.digest))
		ignore_result(str_copy(ref.tag, sizeof(ref.tag), "latest")); /* it fits */
	*ret = ref;
	return 0;
}

static char *format_from(const struct reference *r, const char *domain, const char *path,
			 char buf[REFERENCE_STR_MAX])
{
	bool digest = digest_is_set(&r->digest);

	/* The maximum is the sum of the parts' maxima. */
	ignore_result(str_print(buf, REFERENCE_STR_MAX, "%s%s%s%s%s%s%s", domain,
				*domain ? "/" : "", path, r->tag[0] ? ":" : "", r->tag,
				digest ? "@sha256:" : "", digest ? r->digest.hex : ""));
	return buf;
}

char *reference_format(const struct reference *r, char buf[REFERENCE_STR_MAX])
{
	return format_from(r, r->domain, r->path, buf);
}

char *reference_familiar(const struct reference *r, char buf[REFERENCE_STR_MAX])
{
	const char *path = r->path;

	if (!str_eq(r->domain, DEFAULT_DOMAIN))
		return format_from(r, r->domain, path, buf);
	if (str_starts(path, DEFAULT_PREFIX) && !strchr(path + strlen(DEFAULT_PREFIX), '/'))
		path += strlen(DEFAULT_PREFIX);
	return format_from(r, "", path, buf);
}
