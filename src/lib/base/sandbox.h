/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * Sandboxes of our own helper programs. Filters are arrays made by make: tools/seccomp-gen reads
 * the `#syscalls: read write ...` tags in comments beside the code that calls, and writes
 * <name>_filter.h with `static const struct sock_filter <name>_filter[]` per architecture.
 */

/* A filter for this process, which has no_new_privs or the capability that does without. */
int sandbox_load(const struct sock_filter *filter, size_t n, struct error *err) _nodiscard_;
/* The same, and no_new_privs before it. */
int sandbox_filter(const struct sock_filter *filter, size_t n, struct error *err) _nodiscard_;
/* For programs that do much: with the address sanitizer, which calls what no list foresees, it is
 * no_new_privs alone. */
int sandbox_filter_unsanitized(const struct sock_filter *filter, size_t n,
			       struct error *err) _nodiscard_;
int sandbox_caps(struct error *err) _nodiscard_;
/* All capabilities but those of the mask, which stay effective and are lost at an exec. */
int sandbox_caps_but(uint64_t keep, struct error *err) _nodiscard_;
/* The bounding set alone: for who becomes another id first, which takes the rest. */
int sandbox_bounding(struct error *err) _nodiscard_;
/* Pivot into an empty read-only tmpfs in a new mount namespace of this process (in U). */
int sandbox_empty_root(struct error *err) _nodiscard_;
