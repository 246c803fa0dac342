/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "runtime/plan.h"
#include "runtime/views.h"

/*
 * What containers must not see through a bind mount, by whatever mount of the host: carrel's own
 * directories (struct ctr_hide; doc/SECURITY-MODEL.md, rule 4).
 */
struct hidden {
	struct hidden_dir *dirs;
	size_t n;
};

/* All of them, in U's mount namespace. What is not there and would be seen is made. */
int hidden_load(const struct ctr_spec *spec, struct hidden *ret, struct error *err) _nodiscard_;
void hidden_done(struct hidden *h); /* for _cleanup_() too */

/* Those which a bind of `source` shows go to v->hidden; -EPERM where it lies in one of them. */
int hidden_find(const struct hidden *h, int source, const char *name, struct plan_volume *v,
		struct error *err) _nodiscard_;

/* In pid 1: an empty read-only directory over each of them; `tree` is the attached bind. */
int hidden_cover(const struct plan_volume *v, int tree, struct error *err) _nodiscard_;
