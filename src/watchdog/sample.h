/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
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
 * The sum of the proportional shares, without files of a disk, where the kernel tells them. It
 * walks page tables: dear, for when the above, `resident`, says too much. A vfork child has its
 * parent's memory until its exec; one for each parent that waits for it is left out.
 *
 * It ends where the sum has passed `enough`. Processes that fork as fast as they can hold their
 * memory locks nearly all the time, and each look at one waits: where that takes too long the sum
 * is an estimate by those that were seen, if it is far beyond `enough`.
 */
struct sample {
	uint64_t bytes; /* the sum */
	uint64_t of;	/* what of it is resident: the ratio holds for a while */
	bool slow;	/* it had to wait for the processes */
};

int sample_proportional(int dirfd, uint64_t enough, uint64_t resident,
			struct sample *ret) _nodiscard_;
