/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "codec/json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static void tokener_freep(struct json_tokener **t)
{
	if (*t)
		json_tokener_free(*t);
}

/*
 * json-c spends about 100 bytes on a value that takes two bytes of text, so the text limit alone
 * does not bound memory: count what can start a value before anything is built. Strings in single
 * quotes, which json-c takes even in strict mode, would hide from the count and are no JSON.
 */
static int scan(const char *text, size_t len, struct error *err)
{
	size_t n = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\0')
			return error_set(err, -EINVAL, "JSON document contains a NUL byte");
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && c == '\'')
			return error_set(err, -EINVAL, "not a JSON document: single quotes");
		else if (!in_string && (c == ',' || c == '{' || c == '['))
			n++;
	}
	if (n > JSON_VALUES_MAX)
		return error_set(err, -EFBIG, "JSON document has more than %d values",
				 JSON_VALUES_MAX);
	return 0;
}

int json_parse(const char *text, size_t len, struct json_object **ret, struct error *err)
{
	_cleanup_(tokener_freep) struct json_tokener *tok = NULL;
	struct json_object *o;
	enum json_tokener_error e;
	int r;

	if (len > INT_MAX)
		return error_set(err, -EFBIG, "JSON document of %zu bytes is too large", len);
	r = scan(text, len, err);
	if (r < 0)
		return r;
	tok = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tok)
		return error_set(err, -ENOMEM, "out of memory for a JSON document");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	e = json_tokener_get_error(tok);
	/* A bare number is complete only when its end is seen. */
	if (e == json_tokener_continue) {
		o = json_tokener_parse_ex(tok, "", 1);
		e = json_tokener_get_error(tok);
	}
	if (e != json_tokener_success) {
		json_object_put(o);
		if (e == json_tokener_error_depth)
			return error_set(err, -EINVAL, "JSON document is nested too deeply");
		return error_set(err, -EINVAL, "not a JSON document: %s",
				 e == json_tokener_continue ? "it ends early"
							    : json_tokener_error_desc(e));
	}
	*ret = o;
	return 0;
}

/* NULL for an absent or null member; `o` may be any type (a document need not be an object). */
static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (!json_object_is_type(o, json_type_object))
		return NULL;
	return json_object_object_get_ex(o, key, &v) ? v : NULL;
}

static int wrong_type(const char *key, const char *want, struct error *err)
{
	return error_set(err, -EINVAL, "JSON member \"%s\" is not %s", key, want);
}

static bool has_nul(struct json_object *s)
{
	return strlen(json_object_get_string(s)) != (size_t)json_object_get_string_len(s);
}

int json_get_string(struct json_object *o, const char *key, const char **ret, struct error *err)
{
	struct json_object *v = member(o, key);

	if (v && (!json_object_is_type(v, json_type_string) || has_nul(v)))
		return wrong_type(key, "a string", err);
	*ret = v ? json_object_get_string(v) : NULL;
	return 0;
}

int json_get_u64(struct json_object *o, const char *key, uint64_t *ret, bool *ret_found,
		 struct error *err)
{
	struct json_object *v = member(o, key);

	if (!v) {
		*ret_found = false;
		return 0;
	}
	/* json-c reads what does not fit as the nearest limit: INT64_MIN is negative too. */
	if (!json_object_is_type(v, json_type_int) ||
	    (json_object_get_int64(v) < 0 && json_object_get_uint64(v) == 0))
		return wrong_type(key, "a whole number", err);
	*ret = json_object_get_uint64(v);
	*ret_found = true;
	return 0;
}

int json_get_i64(struct json_object *o, const char *key, int64_t *ret, struct error *err)
{
	struct json_object *v = member(o, key);

	if (!v) {
		*ret = 0;
		return 0;
	}
	/* json-c reads what does not fit as the nearest limit; INT64_MAX may be meant. */
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) == INT64_MIN ||
	    (json_object_get_int64(v) == INT64_MAX && json_object_get_uint64(v) != INT64_MAX))
		return wrong_type(key, "a whole number", err);
	*ret = json_object_get_int64(v);
	return 0;
}

bool json_has(struct json_object *o, const char *key)
{
	return member(o, key) != NULL;
}

int json_get_bool(struct json_object *o, const char *key, bool *ret, struct error *err)
{
	struct json_object *v = member(o, key);

	if (v && !json_object_is_type(v, json_type_boolean))
		return wrong_type(key, "true or false", err);
	*ret = v && json_object_get_boolean(v);
	return 0;
}

int json_get_object(struct json_object *o, const char *key, struct json_object **ret,
		    struct error *err)
{
	struct json_object *v = member(o, key);

	if (v && !json_object_is_type(v, json_type_object))
		return wrong_type(key, "an object", err);
	*ret = v;
	return 0;
}

int json_get_array(struct json_object *o, const char *key, size_t max, struct json_object **ret,
		   struct error *err)
{
	struct json_object *v = member(o, key);

	if (v && !json_object_is_type(v, json_type_array))
		return wrong_type(key, "an array", err);
	if (v && json_object_array_length(v) > max)
		return error_set(err, -EFBIG, "JSON member \"%s\" has more than %zu entries", key,
				 max);
	*ret = v;
	return 0;
}

int json_get_strv(struct json_object *o, const char *key, size_t max, struct strv *ret,
		  struct error *err)
{
	struct json_object *v;
	struct strv sv = { 0 };
	size_t n;
	int r;

	r = json_get_array(o, key, max, &v, err);
	if (r < 0)
		return r;
	n = v ? json_object_array_length(v) : 0;
	for (size_t i = 0; i < n; i++) {
		struct json_object *s = json_object_array_get_idx(v, i);

		if (!json_object_is_type(s, json_type_string) || has_nul(s)) {
			strv_done(&sv);
			return wrong_type(key, "an array of strings", err);
		}
		strv_add(&sv, json_object_get_string(s));
	}
	*ret = sv;
	return 0;
}
