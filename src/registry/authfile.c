/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "registry/authfile.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "codec/json.h"

/* docker writes its Hub as the URL of 2013. */
static bool host_is(const char *host, size_t n, const char *domain)
{
	static const char *const hub[] = { "docker.io", "index.docker.io", "registry-1.docker.io" };

	if (strlen(domain) == n && strncmp(host, domain, n) == 0)
		return true;
	if (!str_eq(domain, "docker.io"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hub); i++)
		if (strlen(hub[i]) == n && strncmp(host, hub[i], n) == 0)
			return true;
	return false;
}

/* 0 = no match, else the longer the more specific. */
static size_t key_score(const char *key, const struct reference *ref)
{
	bool url = false;
	const char *path;
	size_t host, n;

	if (str_starts(key, "https://") || str_starts(key, "http://")) {
		key = strstr(key, "//") + 2;
		url = true;
	}
	host = strcspn(key, "/");
	if (!host_is(key, host, ref->domain))
		return 0;
	path = key + host;
	/* The path of a URL ("/v1/") says nothing; that of a plain key is a namespace. */
	if (url || !path[0] || str_eq(path, "/"))
		return 1;
	path++;
	n = strlen(path);
	if (strncmp(ref->path, path, n) == 0 && (ref->path[n] == '\0' || ref->path[n] == '/'))
		return 1 + n;
	return 0;
}

static bool is_base64(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

	return n > 0 && strspn(s + n, "=") <= 2 && !s[n + strspn(s + n, "=")];
}

static int find_entry(struct json_object *auths, const struct reference *ref,
		      struct authfile_login *ret, struct error *err)
{
	const char *auth = NULL, *identity = NULL;
	struct json_object *best = NULL;
	size_t best_score = 0;
	int r;

	json_object_object_foreach(auths, key, value)
	{
		size_t score = key_score(key, ref);

		if (score > best_score && json_object_is_type(value, json_type_object)) {
			best_score = score;
			best = value;
		}
	}
	r = json_get_string(best, "auth", &auth, err);
	if (r == 0)
		r = json_get_string(best, "identitytoken", &identity, err);
	if (r < 0)
		return r;
	if (auth && auth[0] && (strlen(auth) > AUTHFILE_SECRET_MAX || !is_base64(auth)))
		return error_set(err, -EINVAL, "the entry for %s is not base64", ref->domain);
	if (identity && strlen(identity) > AUTHFILE_SECRET_MAX)
		return error_set(err, -EINVAL, "the token for %s is too long", ref->domain);
	if (auth && auth[0])
		ret->basic = xasprintf("Basic %s", auth);
	if (identity && identity[0])
		ret->identity = xstrdup(identity);
	return 0;
}

/* For docker an empty file is as good as none. */
static bool is_blank(const char *s, size_t n)
{
	while (n && strchr(" \t\r\n", s[n - 1]) && s[n - 1])
		n--;
	return n == 0;
}

int authfile_find(const char *json, size_t len, const struct reference *ref,
		  struct authfile_login *ret, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct authfile_login login = { 0 };
	struct json_object *auths;
	int r;

	if (len > AUTHFILE_SIZE_MAX)
		return error_set(err, -EFBIG, "larger than %d bytes", AUTHFILE_SIZE_MAX);
	if (is_blank(json, len)) {
		*ret = login;
		return 0;
	}
	r = json_parse(json, len, &o, err);
	if (r == 0 && !json_object_is_type(o, json_type_object))
		r = error_set(err, -EINVAL, "not a JSON object");
	if (r == 0)
		r = json_get_object(o, "auths", &auths, err);
	if (r == 0 && auths)
		r = find_entry(auths, ref, &login, err);
	if (r < 0)
		return r;
	*ret = login;
	return 0;
}

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void authfile_login_done(struct authfile_login *l)
{
	wipe(TAKE_PTR(l->basic));
	wipe(TAKE_PTR(l->identity));
}
