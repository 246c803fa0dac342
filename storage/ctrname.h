/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/* docker's rule: [a-zA-Z0-9][a-zA-Z0-9_.-]+, here also one character; at most 255. */
bool ctrname_is_valid(const char *name);
/* "adjective_noun", and with digits behind it from the second try on. */
int ctrname_generate(unsigned attempt, char *buf, size_t size) _nodiscard_;
