/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "runtime/plan.h"

/*
 * What containers must not see through a bind mount, by whatever mount of the host: the store and
 * the runtime directory (doc/SECURITY-MODEL.md, rule 4).
 */

/* Every path that leads there, in U's mount namespace. */
int hidden_list(const struct ctr_spec *spec, struct strv *ret, struct error *err) _nodiscard_;

/* Those which a bind of `source` shows go to v->hidden; -EPERM where it lies in one of them. */
int hidden_find(const struct strv *views, int source, const char *name, struct plan_volume *v,
		struct error *err) _nodiscard_;

/* In pid 1: an empty read-only directory over each of them; `tree` is the attached bind. */
int hidden_cover(const struct plan_volume *v, int tree, struct error *err) _nodiscard_;
