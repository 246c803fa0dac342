/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct plan;

/*
 * Body of a container's first process (for proc_clone): waits for its id maps, makes the mounts,
 * sends a struct error with code 0 (and the pty's master) on plan->sync, waits for one byte there
 * and executes. Does not return on success.
 */
int pid1_main(void *plan);
