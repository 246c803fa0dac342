/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/*
 * All paths at which a directory is seen in this mount namespace: a file system may be mounted more
 * than once, whole or in part. The first one is its own; where only something below it is seen (a
 * mount of containers/ alone), that place is a view as well.
 */
int views_find(const char *dir, struct strv *ret, struct error *err) _nodiscard_;

/* The same from the text of mountinfo(5), which is changed; mnt_id is the mount that `dir` is on.
 */
void views_parse(char *mountinfo, uint64_t mnt_id, const char *dir, struct strv *ret);
