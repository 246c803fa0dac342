/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"

/* One row per file cmd_*.c; commands.c puts them in order. */
extern const struct command cmd_attach;
extern const struct command cmd_complete;
extern const struct command cmd_container_inspect;
extern const struct command cmd_doctor;
extern const struct command cmd_exec;
extern const struct command cmd_explain;
extern const struct command cmd_help;
extern const struct command cmd_image_inspect;
extern const struct command cmd_images;
extern const struct command cmd_info;
extern const struct command cmd_inspect;
extern const struct command cmd_kill;
extern const struct command cmd_logs;
extern const struct command cmd_options;
extern const struct command cmd_pause;
extern const struct command cmd_ps;
extern const struct command cmd_pull;
extern const struct command cmd_rm;
extern const struct command cmd_rmi;
extern const struct command cmd_run;
extern const struct command cmd_start;
extern const struct command cmd_stats;
extern const struct command cmd_stop;
extern const struct command cmd_tag;
extern const struct command cmd_unpause;
extern const struct command cmd_update;
extern const struct command cmd_version;
extern const struct command cmd_wait;
