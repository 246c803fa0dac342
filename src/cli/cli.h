/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"
#include "storage/store.h"

/* Print the help of everything; 0. */
int cli_print_help(struct cli *cli, struct error *err) _nodiscard_;
/* Print the commands that begin with a noun, to standard error where nobody has asked; 0. */
int cli_print_noun(const char *noun, bool asked, struct error *err) _nodiscard_;
/*
 * The store, opened at the first call. STORE_CREATE (writers): made when absent, and what dead
 * commands left in it is swept first. STORE_READONLY: -ENOENT and *ret NULL where there is none.
 */
int cli_store(struct cli *cli, enum store_flags flags, struct store **ret,
	      struct error *err) _nodiscard_;
/* "permission denied" on what root can read: say who the caller is now. Other errors stay. */
void cli_hint_access(struct error *err);
/* Release what commands opened. */
void cli_done(struct cli *cli);
