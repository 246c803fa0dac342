/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "cli/ctrconf.h"
#include "runtime/ctr.h"

/*
 * --here: the caller as himself (tier C of DESIGN 5): own ids and groups, home and working
 * directory at their own paths, the host's network, no capability.
 */

/* What the user said by other options of `run`; NULL: nothing. */
struct here_asked {
	const char *user, *workdir, *network, *hostname;
	bool caps, strict;
};

/* What fits and what is the default, once the options are in the record. */
int here_options(const struct here_asked *o, struct ctrconf *rec, struct error *err) _nodiscard_;

/* The caller's variables of the list, over those of the image. */
void here_env(const struct ctrconf *rec, struct strv *env);

/* Who the caller is, when it starts; ids of the host. *ret lives as long as `lines`. */
struct here_lines {
	char *passwd, *group, *home;
};
void here_who(const struct ctrconf *rec, const struct idmap *map, struct here_lines *lines,
	      struct ctr_here *ret);
void here_lines_done(struct here_lines *lines);
