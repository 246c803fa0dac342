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

/*
 * "Basic <base64>" for the reference's registry, the most specific entry first
 * ("host/path" before "host"), or NULL where the file has none. The caller wipes and frees it.
 */
int authfile_find(const char *json, size_t len, const struct reference *ref, char **ret_basic,
		  struct error *err) _nodiscard_;
