/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "registry/certs.h"

/*
 * Requests over one libcurl multi handle: any number at a time in one thread, http and https
 * only, redirects followed here so that credentials stay with the origin they were meant for.
 */
enum {
	HTTP_REDIRECTS_MAX = 5,
	HTTP_HEADER_MAX = 4096,	     /* one field that is kept */
	HTTP_HEADERS_MAX = 64 << 10, /* all fields of one response */
};

enum http_flags {
	HTTP_INSECURE = 1 << 0, /* certificates are not checked, plain HTTP is as good */
	HTTP_NO_PROXY = 1 << 1,
	HTTP_IMPATIENT = 1 << 2, /* a peer on this machine that may not speak TLS */
	HTTP_NO_CERT = 1 << 3,	 /* our own certificate is not for this peer */
};

struct http;

int http_new(unsigned stall_seconds, struct http **ret, struct error *err) _nodiscard_;
void http_free(struct http *h);

/* 0 = taken, HTTP_SINK_PAUSE = come again after http_resume(), < 0 ends the request. */
enum {
	HTTP_SINK_PAUSE = 1,
};
struct http_request;
typedef int (*http_sink)(struct http_request *req, const void *p, size_t n);

struct http_request {
	/* set by the caller; url is owned by the request and replaced by redirects */
	char *url;
	const char *accept;
	const char *authorization; /* field value, or NULL; not sent to other origins */
	const char *form;	   /* POST of this instead of GET, never redirected; or NULL */
	uint64_t from;		   /* Range: bytes=FROM- */
	const struct certs *certs; /* or NULL; our own is not shown to other origins */
	http_sink sink;		   /* called for 200 and 206 only */
	void *data;
	enum http_flags flags;
	const char *insecure_host; /* HTTP_INSECURE holds for this one ("host:port"; NULL = all) */

	/* the outcome */
	bool done;
	CURLcode code;
	int sink_error; /* what the sink returned, < 0 */
	long status;
	int64_t content_length; /* -1 = not given */
	char content_type[128];
	char content_range[128];
	char challenge[HTTP_HEADER_MAX]; /* Bearer if there is one, else the first known; none of
					    a stranger's */
	bool strange; /* a redirect led to another origin, which gets no credentials */
	unsigned retry_after;
	char why[CURL_ERROR_SIZE];

	/* private */
	CURL *easy;
	struct curl_slist *fields;
	size_t header_bytes, ignored;
	int64_t moved; /* clock_ms() of the last sign of life */
	bool paused;   /* by the sink: silence is ours */
	unsigned redirects;
};

int http_start(struct http *h, struct http_request *req, struct error *err) _nodiscard_;
/* Ends it at any time and frees what it owns; url too. */
void http_stop(struct http *h, struct http_request *req);
void http_resume(struct http_request *req);

/*
 * Move data; wait at most timeout_ms for the network, for wake_fd (-1 = none) or for http_wake().
 * Requests that have ended are `done` afterwards.
 */
int http_step(struct http *h, int wake_fd, int timeout_ms, struct error *err) _nodiscard_;
/* End it as CURLE_OPERATION_TIMEDOUT. */
void http_expire(struct http *h, struct http_request *req);
/* From any thread. */
void http_wake(struct http *h);

/* The file of authorities that is used by itself, or NULL: libcurl knows. */
const char *http_bundle(void);
/* Is it on this host ("host:port"), whatever the port? The three names of loopback are one. */
bool http_is_on(const char *url, const char *host);
/* "host" or "host:port" of a URL; owned by the caller. */
char *http_host(const char *url);
/* Query escaping of a value; owned by the caller. */
char *http_escape(const char *s);
