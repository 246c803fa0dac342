/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Commands of the plain form (doc/format-layer.md). Only tarsplit*.c include this. */
enum tarsplit_command {
	TARSPLIT_BYTES = 1, /* u32 n, n bytes */
	TARSPLIT_FILE = 2,  /* u32 n, n bytes of path */
	TARSPLIT_DATA = 3,  /* u64 offset, u64 length */
};
