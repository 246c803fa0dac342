/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

/* What a token service answers, as an Authorization field: "Bearer ...", owned by the caller. */
int tokendoc_parse(const char *text, size_t len, char **ret, struct error *err) _nodiscard_;
