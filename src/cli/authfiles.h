/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The files with credentials of docker and podman users: all that are there, open, in podman's
 * order. Root opens them before it gives its rights up.
 */
enum {
	AUTHFILES_MAX = 5,
};

struct authfiles {
	bool is_open;
	bool is_roots;		    /* also when they are closed: there are no others then */
	int fds[AUTHFILES_MAX];	    /* or -errno */
	char *names[AUTHFILES_MAX]; /* NULL: no such place */
};

void authfiles_open(struct authfiles *f);
void authfiles_close(struct authfiles *f);

/*
 * *ret is a descriptor of the caller's: the first file with a login for the registry of `reference`
 * (or with a fault, which whoever reads it tells), or what a credential helper gave; -1 where
 * nothing knows it. A file that cannot be opened is a warning, the one that $REGISTRY_AUTH_FILE
 * names an error. ask_helpers: not for root, its helpers would not run as root.
 */
int authfiles_choose(struct authfiles *f, const char *reference, bool ask_helpers, int *ret,
		     struct error *err) _nodiscard_;
