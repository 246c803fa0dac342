/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/store.h"

/* For a process on the host side: a child inside U deletes what lies in trash/, for at most
 * budget_ms (0 = all of it). Failures cost space only. */
void trash_empty(struct store *s, unsigned budget_ms);
