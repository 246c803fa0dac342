/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "oci/digest.h"
#include "oci/platform.h"

/* OCI image config (image-spec config.md) with Docker's extra fields. */
enum {
	IMGCONFIG_SIZE_MAX = 4 << 20,
	IMGCONFIG_LAYERS_MAX = 500, /* overlay takes 500 lower directories */
	IMGCONFIG_ITEMS_MAX = 4096, /* entries of Env, Cmd, Labels, ... each */
};

struct imgconfig {
	struct platform platform;
	char *created;			  /* RFC 3339 as the document has it, or NULL */
	char *user;			  /* "" = root */
	char *working_dir;		  /* "" = / */
	char *stop_signal;		  /* "" = SIGTERM */
	struct strv entrypoint, cmd, env; /* env "NAME=value" */
	struct strv labels;		  /* "name=value" */
	struct strv volumes;		  /* paths */
	struct strv exposed_ports;
	struct digest *diff_ids; /* bottom first */
	size_t n_diff_ids;
};

int imgconfig_parse(const char *json, size_t len, struct imgconfig *ret,
		    struct error *err) _nodiscard_;
void imgconfig_done(struct imgconfig *c);
/* Does it name exactly one diff-id for each of the manifest's layers? -EBADMSG. */
int imgconfig_check_layers(const struct imgconfig *c, size_t n_layers,
			   struct error *err) _nodiscard_;
