/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "runtime/limits.h"

struct json_object;

/* The member `limits` of a container's config (doc/format-container.md): absent where nothing was
 * asked for. */
void limitrec_format(const struct limits *l, struct str_buf *out);
int limitrec_parse(struct json_object *doc, struct limits *ret, struct error *err) _nodiscard_;
