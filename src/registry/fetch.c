/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "registry/fetch.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/manifest.h"
#include "registry/httphdr.h"

enum {
	STEP_MAX_MS = 1000 * 1000, /* nothing to do but wait for the network */
};

/* All that manifest_detect() knows. */
static const char manifest_accept[] = "application/vnd.oci.image.index.v1+json, "
				      "application/vnd.docker.distribution.manifest.list.v2+json, "
				      "application/vnd.oci.image.manifest.v1+json, "
				      "application/vnd.docker.distribution.manifest.v2+json";

int fetch_collect(void *data, const void *p, size_t n)
{
	str_buf_add(data, p, n);
	return 0;
}

void fetch_forget(void *data)
{
	struct str_buf *b = data;
	size_t max = b->max;

	str_buf_done(b);
	str_buf_init(b, max);
}

/* The first piece of a response: is it the part that was asked for? */
static int check_head(struct fetch *f)
{
	struct http_request *req = &f->req;
	struct content_range cr;
	int64_t expect = f->size;

	f->checked = true;
	f->skip = 0;
	if (req->status == 206) {
		if (content_range_parse(req->content_range, strlen(req->content_range), &cr) < 0 ||
		    cr.first != f->got)
			return error_set(&f->err, -EPROTO,
					 "%s: the registry sent another range than was asked for",
					 f->what);
		if (f->size >= 0 && cr.total != UINT64_MAX && cr.total != (uint64_t)f->size)
			return error_set(&f->err, -EBADMSG,
					 "%s: the registry has %llu bytes where %lld were promised",
					 f->what, (unsigned long long)cr.total, (long long)f->size);
		return 0;
	}
	f->skip = f->got;
	if (expect >= 0 && req->content_length >= 0 && req->content_length != expect)
		return error_set(&f->err, -EBADMSG,
				 "%s: the registry has %lld bytes where %lld were promised",
				 f->what, (long long)req->content_length, (long long)expect);
	if (expect < 0 && req->content_length > 0 && (uint64_t)req->content_length > f->max)
		return error_set(&f->err, -EFBIG, "%s: larger than %llu bytes", f->what,
				 (unsigned long long)f->max);
	return 0;
}

static int on_piece(struct http_request *req, const void *p, size_t n)
{
	struct fetch *f = req->data;
	const uint8_t *s = p;
	size_t drop;
	int r;

	if (!f->checked) {
		r = check_head(f);
		if (r < 0)
			return r;
	}
	/* A paused piece comes again whole: nothing may change before the sink has taken it. */
	drop = f->skip < n ? (size_t)f->skip : n;
	if (n > drop) {
		uint64_t room = (f->size >= 0 ? (uint64_t)f->size : f->max) - f->got;

		if (n - drop > room)
			return error_set(&f->err, f->size >= 0 ? -EBADMSG : -EFBIG,
					 "%s: the registry sends more than the %llu bytes %s",
					 f->what, (unsigned long long)(f->got + room),
					 f->size >= 0 ? "promised" : "allowed");
		r = f->sink(f->data, s + drop, n - drop);
		if (r == FETCH_PAUSE)
			return HTTP_SINK_PAUSE;
		if (r < 0)
			return r;
	}
	f->skip -= drop;
	f->got += n - drop;
	return 0;
}

static int try_now(struct registry *r, struct fetch *f, struct error *err)
{
	struct http_request *req = &f->req;
	bool token = f->kind == FETCH_TOKEN;

	if (f->restart && f->got) {
		f->restart(f->data);
		f->got = 0;
	}
	free(req->url);
	*req = (struct http_request){
		.url = token ? xstrdup(f->path)
			     : xasprintf("%s://%s%s", r->scheme, r->host, f->path),
		.accept = f->kind == FETCH_MANIFEST ? manifest_accept : NULL,
		.authorization = token ? f->authorization : r->authorization,
		.form = f->form,
		.certs = &r->certs,
		.from = f->got,
		.sink = on_piece,
		.data = f,
		.insecure_host = r->insecure_all ? NULL : r->host,
		.flags = (r->insecure ? HTTP_INSECURE : 0) | (r->loopback ? HTTP_NO_PROXY : 0) |
			 (token ? HTTP_NO_CERT : 0),
	};
	if (r->insecure && !r->sure)
		req->flags |= HTTP_IMPATIENT;
	f->checked = false;
	f->skip = 0;
	f->not_before = 0;
	f->token_at_try = r->token;
	f->got_at_try = f->got;
	return http_start(r->http, req, err);
}

static void unlink_fetch(struct registry *r, struct fetch *f)
{
	for (struct fetch **p = &r->running; *p; p = &(*p)->next)
		if (*p == f) {
			*p = f->next;
			return;
		}
}

int fetch_start(struct registry *r, struct fetch *f, struct error *err)
{
	int q = try_now(r, f, err);

	if (q < 0)
		return q;
	f->next = r->running;
	r->running = f;
	return 0;
}

void fetch_stop(struct registry *r, struct fetch *f)
{
	unlink_fetch(r, f);
	http_stop(r->http, &f->req);
	free(f->what);
	free(f->path);
	free(f->authorization);
	if (f->form)
		explicit_bzero(f->form, strlen(f->form));
	free(f->form);
	*f = (struct fetch){ 0 };
}

static void end(struct registry *r, struct fetch *f, int result)
{
	unlink_fetch(r, f);
	f->result = result;
	f->done = true;
}

static void retry_after(struct fetch *f, uint64_t ms)
{
	f->not_before = clock_ms() + (int64_t)ms;
	if (!f->not_before)
		f->not_before = 1;
}

/* A transport that broke before any TLS answer came, on a host that may have none. */
static bool wants_plain_http(const struct registry *r, const struct fetch *f)
{
	if (f->kind == FETCH_TOKEN || f->req.strange || r->sure || !r->insecure ||
	    str_eq(r->scheme, "http"))
		return false;
	switch ((int)f->req.code) {
	case CURLE_COULDNT_RESOLVE_HOST: /* other proxies */
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_COULDNT_CONNECT: /* other default ports */
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_OPERATION_TIMEDOUT:
		return true;
	default:
		return false;
	}
}

bool fetch_is_turned_away(const struct fetch *f)
{
	long status = f->req.status;

	return f->req.strange && (status == 400 || status == 401 || status == 403);
}

static bool is_transient(const struct registry *r, const struct fetch *f)
{
	long status = f->req.status;

	if (f->req.sink_error)
		return false;
	switch ((int)f->req.code) {
	case CURLE_OK:
		if (fetch_is_turned_away(f))
			return f->kind != FETCH_TOKEN && f->tries < FETCH_DETOURS;
		return status == 429 || status == 408 || status >= 500 || status == 200 ||
		       status == 206;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		/* A registry that was never there is named at once. */
		return r->answered;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

static bool is_complete(const struct fetch *f)
{
	if (f->req.code != CURLE_OK || (f->req.status != 200 && f->req.status != 206))
		return false;
	return f->size < 0 || f->got == (uint64_t)f->size;
}

/* 401: a token may have expired, or none was there yet. Once per fetch and token. */
static int authorise(struct registry *r, struct fetch *f)
{
	int q;

	if (f->kind == FETCH_TOKEN || f->refused)
		return failure_set(r, f, &f->err);
	/* Another fetch may have renewed it while this one was under way. */
	if (f->token_at_try == r->token) {
		q = token_renew(r, f->req.challenge, &f->err);
		if (q < 0)
			return q;
		f->refused = f->got == f->got_at_try;
	}
	return try_now(r, f, &f->err);
}

static int retry(struct registry *r, struct fetch *f)
{
	uint64_t ms;

	if (!f->restart && f->got - f->got_at_try >= FETCH_PROGRESS)
		f->tries = f->stalls = 0;
	f->tries++;
	f->stalls += f->req.code == CURLE_OPERATION_TIMEDOUT;
	if (!is_transient(r, f) || f->tries >= FETCH_TRIES || f->stalls >= FETCH_STALLS)
		return failure_set(r, f, &f->err);
	ms = (uint64_t)r->retry_ms << (f->tries - 1);
	if (f->req.retry_after)
		ms = (uint64_t)f->req.retry_after * 1000;
	log_debug("registry", "%s: status %ld, %s: again in %llu ms from byte %llu", f->what,
		  f->req.status, f->req.why, (unsigned long long)ms, (unsigned long long)f->got);
	retry_after(f, ms);
	return 0;
}

static void handle(struct registry *r, struct fetch *f)
{
	int q;

	if (f->req.status) {
		r->answered = true;
		/* Its token was good then; it may have expired since. */
		if (f->req.status != 401)
			f->refused = false;
		if (f->kind != FETCH_TOKEN)
			r->sure = true;
	}
	if (is_complete(f)) {
		end(r, f, 0);
		return;
	}
	if (f->req.sink_error && f->err.code) {
		end(r, f, f->err.code); /* on_piece() has said why */
		return;
	}
	if (wants_plain_http(r, f)) {
		r->scheme = "http";
		q = try_now(r, f, &f->err);
	} else if (f->req.status == 401 && !fetch_is_turned_away(f)) {
		q = authorise(r, f);
	} else {
		q = retry(r, f);
	}
	if (q < 0)
		end(r, f, q);
}

/* While a token is asked for, others would ask for one, too. */
static bool must_wait(const struct registry *r, const struct fetch *f)
{
	return r->renewing && f->kind != FETCH_TOKEN;
}

/* libcurl's own limit works on averages and comes seconds late. */
static bool has_stalled(const struct registry *r, const struct fetch *f)
{
	return !f->req.done && !f->req.paused &&
	       clock_ms() - f->req.moved >= (int64_t)r->stall_seconds * 1000;
}

/* Handling one may start or end others: begin anew after each. */
static bool handle_one(struct registry *r)
{
	for (struct fetch *f = r->running; f; f = f->next) {
		if (must_wait(r, f))
			continue;
		if (f->not_before) {
			int q;

			if (f->not_before > clock_ms())
				continue;
			q = try_now(r, f, &f->err);
			if (q < 0)
				end(r, f, q);
			return true;
		}
		if (has_stalled(r, f))
			http_expire(r->http, &f->req);
		if (f->req.done) {
			f->req.done = false;
			handle(r, f);
			return true;
		}
	}
	return false;
}

static int step_timeout(const struct registry *r)
{
	int64_t now = clock_ms(), least = STEP_MAX_MS;

	for (const struct fetch *f = r->running; f; f = f->next) {
		int64_t due = f->not_before ? f->not_before
					    : f->req.moved + (int64_t)r->stall_seconds * 1000;
		int64_t left = due > now ? due - now : 0;

		if (must_wait(r, f) || f->req.done || (!f->not_before && f->req.paused))
			continue;
		least = left < least ? left : least;
	}
	return (int)least;
}

int fetch_step(struct registry *r, int wake_fd, struct error *err)
{
	bool any = false;

	while (handle_one(r))
		any = true;
	return http_step(r->http, wake_fd, any ? 0 : step_timeout(r), err);
}

int fetch_wait(struct registry *r, struct fetch *f, struct error *err)
{
	while (!f->done) {
		int q = fetch_step(r, -1, err);

		if (q < 0)
			return q;
	}
	if (f->result < 0 && err)
		*err = f->err;
	return f->result;
}
