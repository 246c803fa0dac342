/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/launch.h"

/*
 * `run --rm` without a terminal: this process is the supervisor. It enters U, starts the
 * container, passes signals on, relays what may not be passed through, and removes the record.
 * Returns the exit status of the container.
 */
int foreground_run(struct launch *l, struct error *err) _nodiscard_;
