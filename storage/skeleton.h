/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "storage/store.h"

/*
 * O_PATH of skeleton/: what every container wants to mount on, as a layer below the image's. With
 * it the mount points that an image lacks are found, not made anew in each upper directory. Made
 * here when absent; the image's own entries hide it. A negative errno is no reason to fail: the
 * container makes what is missing.
 */
int skeleton_open(struct store *s) _nodiscard_;
