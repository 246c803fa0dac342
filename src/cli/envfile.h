/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

enum {
	ENVFILE_SIZE_MAX = 1 << 20,
};

/*
 * docker's env files: one NAME=VALUE per line, taken as it stands (no quotes, no expansion); NAME
 * alone takes the caller's value; lines that begin with # and empty lines are skipped.
 */
int envfile_parse(const char *text, size_t len, struct strv *ret, struct error *err) _nodiscard_;
int envfile_read(const char *path, struct strv *ret, struct error *err) _nodiscard_;

/* One "NAME=VALUE" or "NAME": the latter takes the caller's value and is dropped where there is
 * none. */
int env_set(const char *s, struct strv *ret, struct error *err) _nodiscard_;
