/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "oci/digest.h"

/*
 * Image references with docker's defaults (distribution reference grammar):
 *	debian            -> docker.io/library/debian:latest
 *	user/app:1        -> docker.io/user/app:1
 *	127.0.0.1:5000/a  -> 127.0.0.1:5000/a:latest
 *	localhost/hello   -> localhost/hello:latest
 *	name@sha256:...   -> no tag unless one was given
 * The first component is a domain when it has a '.', a ':' or is "localhost".
 */
enum {
	REFERENCE_NAME_MAX = 255, /* domain and path together, as docker */
	REFERENCE_TAG_MAX = 128,
	REFERENCE_STR_MAX = REFERENCE_NAME_MAX + 1 + REFERENCE_TAG_MAX + 1 + DIGEST_STR_MAX,
};

struct reference {
	char domain[REFERENCE_NAME_MAX + 1]; /* "docker.io", "127.0.0.1:5000" */
	char path[REFERENCE_NAME_MAX + 1];   /* "library/debian" */
	char tag[REFERENCE_TAG_MAX + 1];     /* "" = none */
	struct digest digest;		     /* unset = none */
};

int reference_parse(const char *s, struct reference *ret, struct error *err) _nodiscard_;
/* Full form, "docker.io/library/debian:12"; the key of refs/. */
char *reference_format(const struct reference *r, char buf[REFERENCE_STR_MAX]);
/* What tables show: "debian:12" for Docker Hub, else the full form. */
char *reference_familiar(const struct reference *r, char buf[REFERENCE_STR_MAX]);
