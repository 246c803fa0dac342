/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct plan;

enum {
	PID1_FDS_MAX = 2, /* that it sends when it is ready */
};

/*
 * Body of a container's first process (for proc_clone): waits for its id maps, makes the mounts,
 * sends a struct error with code 0 (and what was asked for of the pty's master and its proc mount,
 * in this order) on plan->sync, waits for one byte there and executes. Does not return on success.
 */
int pid1_main(void *plan);
