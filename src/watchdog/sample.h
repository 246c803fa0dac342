/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/mem.h"

/*
 * How much memory the processes have that a proc mount shows; dirfd: its root, open for reading.
 * No allocation. -errno where the directory cannot be read; processes that end meanwhile count
 * nothing.
 */

/* The sum of what is resident: three calls for each process. What they share counts for each. */
int sample_resident(int dirfd, uint64_t *ret) _nodiscard_;
/*
 * The sum of the proportional shares, where the kernel tells them. It walks page tables: dear, for
 * when the above says too much. A vfork child has its parent's memory until its exec; one for each
 * parent that waits for it is left out.
 */
int sample_proportional(int dirfd, uint64_t *ret) _nodiscard_;
