/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"

/* Print the help of everything to standard output; 0. */
int cli_print_help(struct cli *cli);
/* Release what commands opened. */
void cli_done(struct cli *cli);
