/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"

/*
 * Credential helpers of docker's config.json (credHelpers, credsStore): programs of the user's that
 * keep passwords elsewhere. `auth_fd` is that file, `domain` the registry. Returns a descriptor
 * with credentials in the file's own form, or -1: no helper, or it knows nothing. What goes wrong
 * is a warning, as the configuration may be shared with a machine that has the helper.
 * A child of ours reads and asks; this process sees no secret.
 */
int credhelper_ask(int auth_fd, const char *domain);
