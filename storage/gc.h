/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "storage/staging.h"
#include "storage/store.h"

/*
 * What nothing refers to goes: layers and blobs that no image record names and no living command
 * claims, names without an image, temporary files. The caller holds the store lock. `dead` are
 * staging directories whose claims do not count; image records that a killed removal had put there
 * come back unless the removal was decided, those of a killed publish without a name go. When any
 * record cannot be read nothing is collected: what it names is unknown.
 */
int gc_collect(struct store *s, const struct dead_staging *dead, struct error *err) _nodiscard_;

/* Does a container, made or in the making, of any node use the image? 1 and its id; 0. */
int gc_image_user(struct store *s, const struct digest *manifest, char id[ID_LEN + 1],
		  struct error *err) _nodiscard_;
