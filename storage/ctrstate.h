/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "storage/container.h"

/* The pure half of container_read_state(). -EINVAL, -EPROTONOSUPPORT. */
int container_parse_state(const char *text, size_t len, struct container_state *ret) _nodiscard_;
