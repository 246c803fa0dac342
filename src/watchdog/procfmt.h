/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Texts of /proc/PID, as pure functions over (pointer, length). -EINVAL: not such a text. */

/* statm: pages. */
int procfmt_statm(const char *s, size_t n, uint64_t *ret_size, uint64_t *ret_resident) _nodiscard_;
/* smaps_rollup: bytes of the lines "Pss_Anon:" and "Pss_Shmem:", or of "Pss:" where a kernel has
 * only that (before 5.4). Mapped files of a disk are page cache, which can be had back at any time
 * and counts against no cgroup's limit for long. */
int procfmt_pss(const char *s, size_t n, uint64_t *ret) _nodiscard_;
