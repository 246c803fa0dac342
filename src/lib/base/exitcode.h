/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Exit statuses are API (docker's numbers): ours and usage, cannot execute, not found. */
enum {
	EXIT_OURS = 125,
	EXIT_CANNOT_EXEC = 126,
	EXIT_NOT_FOUND = 127,
};
