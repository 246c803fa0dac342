/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The default system call profile (tools/seccomp-profile.txt), compiled by make. What it allows
 * depends on the container's capabilities.
 */
enum {
	SECCOMP_INSNS_MAX = 2048,
};

/* Fills ret[] for these capabilities; returns the number of instructions. */
unsigned seccomp_program(uint64_t caps, struct sock_filter ret[SECCOMP_INSNS_MAX]);

/* Load it. Needs CAP_SYS_ADMIN over the own user namespace, or no_new_privs. D-14. */
int seccomp_apply(uint64_t caps, struct error *err) _nodiscard_;
