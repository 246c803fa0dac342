/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Was something in the container killed for its memory? One format for all who enforce: the text
 * of a cgroup's memory.events ("oom_kill N"), which the watchdog writes into a memory file before
 * it kills. Read once, when pid 1 has ended. No allocation: the supervisor calls it.
 */
bool oom_happened(int events_fd); /* -1: false */
/* The pure half. */
bool oom_in_events(const char *text, size_t len);
