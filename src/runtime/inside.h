/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/mem.h"

/* Is this process inside a U that userns_enter() made (here or in the program that started us)? */
bool userns_is_inside(void);
/* Said once by userns_enter(): our own execs take it along. */
int userns_mark_inside(void) _nodiscard_;
