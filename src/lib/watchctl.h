/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How src/cli starts libexec/carrel/watchdog: `watchdog LIMIT UID`, as root of the outer user
 * namespace, with the descriptors below. LIMIT is in bytes, UID the owner of the container's user
 * namespace, which the watchdog becomes: as such, and without any capability, it may look at and
 * kill what is inside. It says one byte on WATCH_READY_FD when it is confined and has looked once,
 * and ends with the container.
 */
enum {
	WATCH_PROC_FD = 3,   /* mount of the container's proc, its root from then on */
	WATCH_PIDFD = 4,     /* pid 1 */
	WATCH_EVENTS_FD = 5, /* memory file: "oom_kill 1" (runtime/oom.h) before it kills */
	WATCH_READY_FD = 6,
	WATCH_FDS = 4,
};

enum {
	WATCH_ARG_LIMIT = 1,
	WATCH_ARG_UID = 2,
	WATCH_ARGS = 3,
};

/* It looks the more often the nearer the limit is; nobody passes one unseen for a second. */
enum {
	WATCH_INTERVAL_MIN_MS = 50,
	WATCH_INTERVAL_MAX_MS = 500,
};
