/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

enum {
	CERTS_FILE_MAX = 1 << 20,
	CERTS_FILES_MAX = 64, /* of one directory */
};

/*
 * What docker and podman users keep for a registry with an authority of its own: HOST:PORT/ in
 * certs.d of ~/.config/containers, /etc/containers, /etc/docker; the first that is there. PEM
 * texts, empty where there are none.
 */
struct certs {
	struct str_buf authorities; /* *.crt, all of them */
	char *cert, *key;	    /* the first NAME.cert that has a NAME.key, or NULL */
	size_t cert_len, key_len;
};

/* `host` as in references. Read while the files can be seen. */
int certs_load(const char *host, struct certs *ret, struct error *err) _nodiscard_;
/* The same from one directory; 0 and nothing where it is not there. */
int certs_load_dir(const char *dir, struct certs *ret, struct error *err) _nodiscard_;
/* One more file of authorities, where it is there: the system's, which ours are added to. */
int certs_add_bundle(struct certs *c, const char *path, struct error *err) _nodiscard_;
void certs_done(struct certs *c);
