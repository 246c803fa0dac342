/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"

/* One row per file cmd_*.c; commands.c puts them in order. */
extern const struct command cmd_help;
extern const struct command cmd_options;
extern const struct command cmd_run;
extern const struct command cmd_version;
