/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/opt.h"
#include "cli/ctrconf.h"
#include "cli/limitopt.h"
#include "oci/imgconfig.h"

/* Options of `run`, as typed. */
struct run_options {
	bool interactive, tty, remove, detach, init, read_only, strict, here;
	const char *workdir, *user, *name, *network, *hostname, *entrypoint, *pull, *platform;
	bool ids_told, limits_told; /* by an earlier try of the same command */
	enum dcode one_id;	    /* what it found: why there is one id only */
	struct strv env, env_file, volume, tmpfs, cap_add, cap_drop, security_opt, label;
	struct limit_options limits;
};

extern const struct opt run_option_table[];
void run_options_done(struct run_options *o); /* for _cleanup_() too */
/* As in docker, an empty value is none: `-u ""` is the image's user, and not root. */
void run_options_forget_empty(struct run_options *o);

/*
 * What needs no image: networks, mounts, capabilities, security options, labels. Every mistake of
 * the user is found here, before anything is pulled or made.
 */
int request_options(const struct run_options *o, struct ctrconf *rec,
		    struct error *err) _nodiscard_;

/* Merge the image's config as docker does: entrypoint, cmd, env, user, working directory. */
int request_image(const struct run_options *o, const struct imgconfig *image, char *const *command,
		  struct ctrconf *rec, struct error *err) _nodiscard_;

/* -e and --env-file, also for exec: NAME alone takes the caller's value, if it has one. */
int request_env(const struct strv *files, const struct strv *env, struct strv *ret,
		struct error *err) _nodiscard_;
