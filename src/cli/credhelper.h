/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/mem.h"

struct reference;

/*
 * Credential helpers of docker's config.json (credHelpers, credsStore): programs of the user's that
 * keep passwords elsewhere. `auth_fd` is that file, or one without helpers. True: the registry of
 * `ref` is known. Then *ret_given is a descriptor with credentials in the file's own form, or -1:
 * they are in the file itself, or transfer has to tell what is wrong with it. What goes wrong with
 * a helper is a warning, as the configuration may be shared with a machine that has it.
 * A child of ours reads and asks; this process sees no secret.
 */
bool credhelper_look(int auth_fd, const struct reference *ref, bool ask_helpers, int *ret_given);
