/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "registry/tokendoc.h"

#include <errno.h>

#include "base/str.h"
#include "codec/json.h"

/* One header field value: nothing that could begin another field. */
static bool token_is_sane(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s <= 0x20 || *s == 0x7f)
			return false;
	return true;
}

int tokendoc_parse(const char *text, size_t len, char **ret, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	const char *token = NULL;
	int q = json_parse(text, len, &o, err);

	if (q == 0)
		q = json_get_string(o, "token", &token, err);
	if (q == 0 && !token)
		q = json_get_string(o, "access_token", &token, err);
	if (q < 0)
		return q;
	if (!token || !token_is_sane(token))
		return error_set(err, -EPROTO, "the answer has no token");
	*ret = xasprintf("Bearer %s", token);
	return 0;
}
