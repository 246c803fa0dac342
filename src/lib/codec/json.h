/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/*
 * json-c in strict mode with limits; the rest of the program asks through these helpers, so that a
 * wrong type is one clear error and never a silent default. Objects are borrowed unless `_take`.
 */
enum {
	JSON_DEPTH_MAX = 32,
	JSON_VALUES_MAX = 1 << 17, /* members and elements of one document */
};

/* The whole buffer is one document. The result is released with json_object_put(). */
int json_parse(const char *text, size_t len, struct json_object **ret,
	       struct error *err) _nodiscard_;
static inline void json_putp(struct json_object **o)
{
	json_object_put(*o);
}

/* Member `key`: NULL output where it is absent or null. -EINVAL and err on a wrong type. */
int json_get_string(struct json_object *o, const char *key, const char **ret,
		    struct error *err) _nodiscard_;
int json_get_u64(struct json_object *o, const char *key, uint64_t *ret, bool *ret_found,
		 struct error *err) _nodiscard_;
/* 0 where it is absent. */
int json_get_i64(struct json_object *o, const char *key, int64_t *ret,
		 struct error *err) _nodiscard_;
/* Is there such a member that is not null? */
bool json_has(struct json_object *o, const char *key);
int json_get_bool(struct json_object *o, const char *key, bool *ret, struct error *err) _nodiscard_;
int json_get_object(struct json_object *o, const char *key, struct json_object **ret,
		    struct error *err) _nodiscard_;
int json_get_array(struct json_object *o, const char *key, size_t max, struct json_object **ret,
		   struct error *err) _nodiscard_;
/* Array of strings without NUL bytes, at most max. */
int json_get_strv(struct json_object *o, const char *key, size_t max, struct strv *ret,
		  struct error *err) _nodiscard_;
