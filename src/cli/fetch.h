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
	FETCH_AGAIN = 1 << 2,	 /* an image that is here, by its digest: no name is written */
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

/*
 * Again, because a layer is lost: this very image, by the digest of its manifest, from where it
 * came from. A tag made here says nothing of that. `name`, under which it was found, is for
 * messages, and chooses among several places. No name moves.
 */
int fetch_again(struct cli *cli, const char *name, const struct digest *manifest,
		struct error *err) _nodiscard_;
