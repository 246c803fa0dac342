/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "oci/reference.h"

/* Credentials of docker's config.json and containers' auth.json. */
enum {
	AUTHFILE_SIZE_MAX = 1 << 20,
	AUTHFILE_SECRET_MAX = 16 << 10,
};

/* What a registry is shown. NULL where the file has none of the kind. */
struct authfile_login {
	char *basic;	/* "Basic <base64>" */
	char *identity; /* the token of an OAuth login ("identitytoken"), for the token service only
			 */
};

/* For the reference's registry, the most specific entry first ("host/path" before "host"). An error
 * does not name the file. */
int authfile_find(const char *json, size_t len, const struct reference *ref,
		  struct authfile_login *ret, struct error *err) _nodiscard_;
/* Wipes and frees. */
void authfile_login_done(struct authfile_login *l);
