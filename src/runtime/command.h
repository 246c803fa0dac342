/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/ctr.h"
#include "runtime/users.h"

enum {
	COMMAND_CANDIDATES_MAX = 64,
};

/* What is executed at the end, the same for run and exec. */
struct command {
	char *const *argv;
	char **envp; /* owned array of borrowed strings */
	char *home;  /* "HOME=...", owned; NULL where the environment has one */
	char *candidates[COMMAND_CANDIDATES_MAX]; /* argv[0] in each directory of $PATH */
	unsigned n_candidates;
	/* A program of ours in a place where nothing of the container can write it, or -1:
	 * libexec/carrel/init, which executes the command (see stage in exec.h). */
	int helper;
	char **helper_argv; /* its command line; the place of PATH is filled in last */
	int stdio[3];
	const struct user *user;
	uint64_t caps;
	enum ctr_flags flags;
	bool single; /* one id: groups are not to be changed, no_new_privs, ids may be answered */
	mode_t umask;
	const struct ctr_rlimit *rlimits;
	unsigned n_rlimits;
	int report; /* CLOEXEC socket or pipe: a struct error in case of failure */
	bool gated; /* its program starts when one byte has come by `report` */
};

/* Does root get answers instead of other ids? Whoever else tries hears the truth. */
bool command_is_answered(const struct command *x);

/* Fill in argv, the environment with HOME, and the candidates for argv[0]. */
void command_fill(struct command *x, char *const *argv, char *const *envp, const char *home);
/* The command line for libexec/carrel/init in this mode (initctl.h). Borrows it. */
void command_helper_argv(struct command *x, const char *mode);
void command_done(struct command *x);
