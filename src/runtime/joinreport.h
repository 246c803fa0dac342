/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/proc.h"

/*
 * What comes back of an exec (join.c). The sender is in the container by then: one message may
 * bring descriptors, the first, and no more than two of them; whatever else arrives is an error.
 */
struct joinreport {
	struct proc proc; /* the command */
	int master;	  /* its terminal, or -1 */
	struct error error;
};

/* Everything until end of file into *ret, which begins as { .proc = { .pidfd = -1 }, .master = -1
 * }. 0, or the first error that was told. What has arrived is the caller's in any case. */
int joinreport_hear(int sock, struct joinreport *ret, struct error *err) _nodiscard_;
/* Kills the command. */
void joinreport_done(struct joinreport *r);
