/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * After set-up: no capability, an empty read-only root, no_new_privs, limits, and the allow-list of
 * system calls that the `#syscalls` tags of this folder add up to.
 */
int confine_stack(unsigned max_fds, struct error *err) _nodiscard_;
/* The reader (resolv.h) keeps its view of the host's files, and nothing else. */
int confine_reader(void) _nodiscard_;
