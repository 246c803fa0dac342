/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "storage/store.h"

/* In U already: one layer with all its content, by layer_verify(). 1 good, 0 dropped. */
int verify_layer(struct store *s, const struct digest *diff_id, struct error *err) _nodiscard_;
/* `transfer verify`: the same for a caller that is not in U. */
int verify_run(const char *root, const char *hex, struct error *err) _nodiscard_;
