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

/*
 * For root of a container with one id (tools/seccomp-one-id.txt): what changes owners or ids to
 * another one succeeds without being done. Beside the profile, which it does not loosen: of two
 * filters' answers the kernel takes the stricter one, and an answer is stricter than a permission.
 */
unsigned seccomp_answers(const struct sock_filter **ret);
int seccomp_apply_answers(struct error *err) _nodiscard_;
