/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oci/reference.h"
#include "registry/authfile.h"
#include "registry/http.h"

/*
 * One GET with all that can go wrong with it: authorisation, fall back to plain HTTP, retries with
 * Range. Private to this folder.
 */
enum fetch_kind {
	FETCH_MANIFEST,
	FETCH_BLOB,
	FETCH_TOKEN,
};

enum {
	FETCH_SIZE_UNKNOWN = -1,
	FETCH_PAUSE = 1,	  /* of a sink: none taken, come again */
	FETCH_TRIES = 6,	  /* without progress between them */
	FETCH_STALLS = 3,	  /* of them silent for the whole stall limit */
	FETCH_DETOURS = 3,	  /* of them refused where a redirect led to */
	FETCH_PROGRESS = 1 << 20, /* bytes that make the tries count anew */
};

struct fetch {
	enum fetch_kind kind;
	char *what; /* for messages: "manifest 12", "layer sha256:..." */
	char *path; /* below the registry, or the URL of a token service */
	int64_t size;
	uint64_t max; /* where size is unknown */
	int (*sink)(void *data, const void *p, size_t n);
	/* Forget all that the sink took: for answers that may be others the next time, which no
	 * Range may be pieced together of. NULL: goes on where it broke. */
	void (*restart)(void *data);
	void *data;
	char *authorization; /* FETCH_TOKEN only */
	char *form;	     /* the same: what is posted; wiped */

	uint64_t got;		/* bytes that the sink took */
	uint64_t skip;		/* of a response that began at 0 again */
	bool checked;		/* the head of this response */
	unsigned tries, stalls; /* since the last progress */
	uint64_t got_at_try;
	unsigned token_at_try; /* registry's token generation that this try used */
	bool refused;	       /* 401 with a token made for this fetch */
	int64_t not_before;    /* of clock_ms(); 0 = running */
	bool done;
	int result;
	struct error err;
	struct http_request req;
	struct fetch *next;
};

struct registry {
	struct reference ref;
	struct http *http;
	const char *host;   /* where the API is: registry-1.docker.io for docker.io */
	const char *scheme; /* "https" or "http" */
	bool sure;	    /* the scheme has answered */
	bool insecure;	    /* no certificate checks, plain HTTP allowed: of this host */
	bool insecure_all;  /* and of all that it sends us to, as the user has said */
	bool loopback;
	bool answered; /* any response yet: it is reachable */
	struct authfile_login login;
	struct certs certs;
	char *authorization; /* what requests carry now, or NULL */
	unsigned token;	     /* how many times it was replaced */
	unsigned retry_ms;
	unsigned stall_seconds;
	bool renewing; /* a token is being asked for: all others wait */
	struct fetch *running;
};

/* Sink and restart of small documents; data is a struct str_buf. */
int fetch_collect(void *data, const void *p, size_t n);
void fetch_forget(void *data);

/* Puts it to work; f stays the caller's until fetch_stop(). */
int fetch_start(struct registry *r, struct fetch *f, struct error *err) _nodiscard_;
void fetch_stop(struct registry *r, struct fetch *f);
/* Waits for this one; others move on meanwhile. Returns f->result with err set. */
int fetch_wait(struct registry *r, struct fetch *f, struct error *err) _nodiscard_;
/* One round for all. */
int fetch_step(struct registry *r, int wake_fd, struct error *err) _nodiscard_;

/* A 401 with this challenge: a new r->authorization, or why not. (token.c) */
int token_renew(struct registry *r, const char *challenge, struct error *err) _nodiscard_;

/* 401 or 403 from where a redirect led to: no place to log in at. Its address may be one that
 * expires (400 at Google), so that the registry is asked for another. */
bool fetch_is_turned_away(const struct fetch *f);

/* The error of a final response or transport failure, with what the user can do. (failure.c) */
int failure_set(struct registry *r, struct fetch *f, struct error *err);
