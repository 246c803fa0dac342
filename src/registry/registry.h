/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/digest.h"
#include "oci/reference.h"

/*
 * Client of one repository in one registry (OCI distribution-spec, pull part), single-threaded.
 * Everything that arrives is hostile: sizes are limited here, digests are the caller's.
 */
enum registry_tls {
	REGISTRY_TLS_AUTO,   /* checked, but loopback registries as docker has them: unchecked,
				 and plain HTTP where they speak no TLS */
	REGISTRY_TLS_VERIFY, /* checked, no plain HTTP */
	REGISTRY_TLS_OFF,    /* as loopback, for any registry and all that it sends us to */
};

enum {
	REGISTRY_STALL_SECONDS = 30, /* CARREL_STALL_SECONDS */
	REGISTRY_RETRY_MS = 500,     /* first delay, doubled each time; CARREL_RETRY_MS */
};

struct registry_options {
	enum registry_tls tls;
	const char *auth_json; /* credentials file, or NULL */
	size_t auth_len;
	const char *auth_path; /* what it is called in errors */
};

struct registry;

/* Of the credentials file: which one, and that it is the user's own. */
void registry_blame_auth(const char *path, struct error *err);

int registry_open(const struct reference *ref, const struct registry_options *options,
		  struct registry **ret, struct error *err) _nodiscard_;
void registry_close(struct registry *r);

/* A small document. content_type is what the server said ("" = nothing). */
struct registry_doc {
	char *text; /* owned by the caller */
	size_t len;
	char content_type[128];
};

/* By tag or digest, waiting. -ENOENT: unknown. -EACCES: denied. */
int registry_get_manifest(struct registry *r, const char *tag_or_digest, struct registry_doc *ret,
			  struct error *err) _nodiscard_;
/* A blob of exactly this size, at most max, waiting. */
int registry_get_blob(struct registry *r, const struct digest *digest, uint64_t size, size_t max,
		      struct registry_doc *ret, struct error *err) _nodiscard_;

/*
 * A blob in pieces: registry_blob_start(), then registry_step() until registry_blob_poll(). The
 * sink takes all of a piece (0), or none of it now (REGISTRY_PAUSE, and registry_blob_resume()
 * later), or ends the transfer (< 0). Pieces come in order and without gaps over all retries.
 */
enum {
	REGISTRY_PAUSE = 1,
};
struct registry_blob {
	struct digest digest;
	uint64_t size;
	int (*sink)(void *data, const void *p, size_t n);
	void *data;

	bool done;
	int result; /* 0, or -errno with err set */
	struct error err;

	void *fetch; /* private */
};
int registry_blob_start(struct registry *r, struct registry_blob *b, struct error *err) _nodiscard_;
/* Has it ended? Then result and err are set. */
bool registry_blob_poll(struct registry_blob *b);
void registry_blob_resume(struct registry_blob *b);
/* Ends and frees it, done or not. */
void registry_blob_stop(struct registry *r, struct registry_blob *b);

/* Move data; waits for the network, wake_fd, registry_wake() or a retry that is due. */
int registry_step(struct registry *r, int wake_fd, struct error *err) _nodiscard_;
/* From any thread. */
void registry_wake(struct registry *r);
