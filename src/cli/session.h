/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "base/proc.h"
#include "cli/relay.h"
#include "cli/stdfd.h"
#include "cli/tty.h"

/*
 * A foreground command whose process is our own child, without a supervisor: `run --rm` without a
 * terminal, and `exec`. Passes signals on, relays what may not be passed through (DESIGN 4.9), or
 * all through a pty's master.
 */
enum session_flags {
	SESSION_STDIN = 1 << 0,
	SESSION_TTY = 1 << 1,
	SESSION_PASS = 1 << 2, /* all three as they are: the user's own programs */
};

struct session {
	struct loop loop;
	enum session_flags flags;
	struct loop_source signals, init, server, dog, netstack;
	struct proc *proc;
	struct proc *net; /* carries its network; NULL or pidfd -1: none */
	/* Without them the container is ended; the same. */
	struct proc *root;     /* serves its files (rootfs.h) */
	struct proc *watchdog; /* holds it to its memory limit (enforce.h) */
	struct tty tty;
	int pty_master;
	struct relay relays[3]; /* buf NULL: the descriptor went to the child as it is */
	int child_fds[3];	/* what the child gets; -1 with a tty */
	int own_fds[3];		/* our ends of the relays */
	int caller_fds[3];
	enum stdfd_wait waits[3];
	int status;
};

/* Prepare child_fds, and let signals wait for the child from now on. */
int session_open(struct session *s, enum session_flags flags, struct error *err) _nodiscard_;
/* The child runs: serve it until its end. pty_master is taken. Returns its exit status. */
int session_run(struct session *s, struct proc *proc, int pty_master,
		struct error *err) _nodiscard_;
void session_close(struct session *s);
