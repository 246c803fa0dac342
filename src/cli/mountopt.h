/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "cli/ctrconf.h"

/* -v SRC:DST[:OPTIONS]: adds a bind mount with the canonical source path, which must exist. */
int mountopt_volume(const char *s, struct ctrconf *rec, struct error *err) _nodiscard_;
/* --tmpfs DST[:OPTIONS] */
int mountopt_tmpfs(const char *s, struct ctrconf *rec, struct error *err) _nodiscard_;
/* No two mounts on the same target. */
int mountopt_check(const struct ctrconf *rec, struct error *err) _nodiscard_;
