/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * A terminal in the container's own devpts. Both ends are reached through descriptors only, never
 * by a name that could be raced (CVE-2025-52565).
 */
struct pty {
	int master, slave;
};

/* ptmx: the devpts mount or /dev/pts directory. rows and cols 0: unknown. */
int pty_open(int devpts, unsigned short rows, unsigned short cols, struct pty *ret,
	     struct error *err) _nodiscard_;
