/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "cli/cli.h"
#include "storage/image.h"

/*
 * libexec/carrel/transfer as a child: it does what touches the network, tells its progress and its
 * own errors on stderr. A failure comes back as an error without text: told already.
 */
enum fetch_flags {
	FETCH_QUIET = 1 << 0,	 /* no progress */
	FETCH_PRINT_ID = 1 << 1, /* the image id on our standard output */
};

struct fetch_request {
	const char *reference;	/* full form */
	const char *platform;	/* NULL: this machine's */
	const char *tls_verify; /* "true", "false", NULL: the default */
	enum fetch_flags flags;
};

int fetch_pull(struct cli *cli, const struct fetch_request *req, struct error *err) _nodiscard_;

enum fetch_when {
	FETCH_MISSING,
	FETCH_ALWAYS,
	FETCH_NEVER,
};

/*
 * The image to run: from the store, else pulled; the embedded `hello` is imported from beside the
 * program where no other image has the name.
 */
int fetch_image(struct cli *cli, const char *name, const char *platform, enum fetch_when when,
		struct image *ret, struct error *err) _nodiscard_;

/* Again, because a layer is lost: under the name it was found by, or else one that it has. */
int fetch_again(struct cli *cli, const char *name, const char *platform,
		struct error *err) _nodiscard_;
