/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "registry/http.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "registry/httphdr.h"

enum {
	RECEIVE_BUFFER = 128 << 10, /* 16 KiB, the default, is an eighth slower */
	RETRY_AFTER_MAX = 60,
	IMPATIENT_MS = 3000,
	IGNORED_MAX = 1 << 20, /* body of a response that is no success */
};

/*
 * libcurl, OpenSSL and what the resolver's modules (nss) need, in any thread.
 * #syscalls:fetch socket socketpair connect bind getsockname getpeername getsockopt setsockopt
 * #syscalls:fetch sendmmsg recvmmsg shutdown read readv write writev poll ppoll eventfd2 pipe2
 * #syscalls:fetch epoll_create1 epoll_ctl epoll_wait epoll_pwait fcntl ioctl dup
 * #syscalls:fetch pread64 access faccessat faccessat2 getdents64 statfs fstatfs readlinkat
 * #syscalls:fetch uname getuid geteuid getgid getegid
 */

struct http {
	CURLM *multi;
	unsigned stall_seconds;
};

int http_new(unsigned stall_seconds, struct http **ret, struct error *err)
{
	struct http *h;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, -ENOMEM, "initialise libcurl");
	h = xcalloc(1, sizeof(*h));
	h->stall_seconds = stall_seconds;
	h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return error_set(err, -ENOMEM, "initialise libcurl");
	}
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_multi_cleanup(h->multi);
	free(h);
}

static char *url_part(CURLU *u, CURLUPart part)
{
	char *s = NULL;

	return curl_url_get(u, part, &s, CURLU_DEFAULT_PORT) == CURLUE_OK ? s : NULL;
}

static void url_freep(CURLU **u)
{
	curl_url_cleanup(*u);
}

char *http_host(const char *url)
{
	_cleanup_(url_freep) CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *text;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
		ignore_result(curl_url_get(u, CURLUPART_HOST, &host, 0)); /* NULL then */
		ignore_result(curl_url_get(u, CURLUPART_PORT, &port, 0));
	}
	text = xasprintf("%s%s%s", host ? host : "?", port ? ":" : "", port ? port : "");
	curl_free(host);
	curl_free(port);
	return text;
}

static char *host_name(const char *url)
{
	_cleanup_(url_freep) CURLU *u = curl_url();

	return u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK
		       ? url_part(u, CURLUPART_HOST)
		       : NULL;
}

static bool is_loopback_name(const char *host)
{
	return str_eq(host, "localhost") || str_eq(host, "127.0.0.1") || str_eq(host, "[::1]");
}

bool http_is_on(const char *url, const char *host)
{
	_cleanup_(freep) char *home = xasprintf("http://%s", host);
	char *a = host_name(url), *b = host_name(home);
	bool same = a && b && (str_eq(a, b) || (is_loopback_name(a) && is_loopback_name(b)));

	curl_free(a);
	curl_free(b);
	return same;
}

/* Whom the registry names, or redirects to, is verified all the same. */
static bool is_insecure(const struct http_request *req, const char *url)
{
	return (req->flags & HTTP_INSECURE) &&
	       (!req->insecure_host || http_is_on(url, req->insecure_host));
}

static bool succeeded(long status)
{
	return status == 200 || status == 206;
}

static size_t on_body(char *p, size_t size, size_t n, void *data)
{
	struct http_request *req = data;
	long status = 0;
	int r;

	(void)size; /* always 1 */
	req->moved = clock_ms();
	curl_easy_getinfo(req->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!succeeded(status)) {
		req->ignored += n; /* a page for people */
		return req->ignored > IGNORED_MAX ? 0 : n;
	}
	if (req->status != status) {
		curl_off_t length = -1;

		req->status = status;
		curl_easy_getinfo(req->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
		req->content_length = length;
	}
	r = req->sink(req, p, n);
	req->paused = r == HTTP_SINK_PAUSE;
	if (req->paused)
		return CURL_WRITEFUNC_PAUSE;
	if (r < 0) {
		req->sink_error = r;
		return 0; /* less than n: curl ends the transfer */
	}
	return n;
}

static void keep(char *buf, size_t size, const char *s, size_t n)
{
	if (n >= size)
		n = 0; /* too long to be meant */
	memcpy(buf, s, n);
	buf[n] = '\0';
}

static void keep_challenge(struct http_request *req, const char *s, size_t n)
{
	struct challenge now, kept;
	int r;

	/* It would name the place that our password goes to (CVE-2020-15157). */
	if (req->strange)
		return;
	r = challenge_parse(s, n, &now);
	if (r == -EOPNOTSUPP)
		return;
	if (!req->challenge[0] ||
	    (r == 0 && now.scheme == CHALLENGE_BEARER &&
	     challenge_parse(req->challenge, strlen(req->challenge), &kept) == 0 &&
	     kept.scheme == CHALLENGE_BASIC))
		keep(req->challenge, sizeof(req->challenge), s, n);
}

static size_t on_header(char *p, size_t size, size_t n, void *data)
{
	struct http_request *req = data;
	const char *s;
	size_t k;

	(void)size; /* always 1 */
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		/* A new response: after 100 Continue or a proxy's CONNECT. */
		req->content_type[0] = req->content_range[0] = req->challenge[0] = '\0';
		req->retry_after = 0;
	}
	req->moved = clock_ms();
	req->header_bytes += n;
	if (req->header_bytes > HTTP_HEADERS_MAX)
		return 0;
	if (header_value(p, n, "content-type", &s, &k))
		keep(req->content_type, sizeof(req->content_type), s, k);
	else if (header_value(p, n, "content-range", &s, &k))
		keep(req->content_range, sizeof(req->content_range), s, k);
	else if (header_value(p, n, "www-authenticate", &s, &k))
		keep_challenge(req, s, k);
	else if (header_value(p, n, "retry-after", &s, &k))
		req->retry_after = retry_after_parse(s, k, RETRY_AFTER_MAX);
	return n;
}

static void set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

const char *http_bundle(void)
{
	/* As Go's tools, docker among them, take another bundle. */
	const char *bundle = secure_getenv("SSL_CERT_FILE");
#if LIBCURL_VERSION_NUM >= 0x074600
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	if ((!bundle || !bundle[0]) && v->age >= CURLVERSION_SEVENTH)
		bundle = v->cainfo;
#endif
	return bundle && bundle[0] ? bundle : NULL;
}

static struct curl_blob blob(const char *p, size_t len)
{
	return (struct curl_blob){ .data = (void *)p, .len = len, .flags = CURL_BLOB_NOCOPY };
}

/* Of certs.d. Authorities hold for whatever the registry sends us to, our own certificate for the
 * registry alone. */
static void set_certs(struct http_request *req)
{
	const struct certs *c = req->certs;
	struct curl_blob b;

	if (c->authorities.len && !is_insecure(req, req->url)) {
		b = blob(c->authorities.s, c->authorities.len);
		curl_easy_setopt(req->easy, CURLOPT_CAINFO_BLOB, &b);
	}
	if (!c->cert || req->strange || (req->flags & HTTP_NO_CERT))
		return;
	b = blob(c->cert, c->cert_len);
	curl_easy_setopt(req->easy, CURLOPT_SSLCERT_BLOB, &b);
	b = blob(c->key, c->key_len);
	curl_easy_setopt(req->easy, CURLOPT_SSLKEY_BLOB, &b);
}

static void set_tls(struct http_request *req)
{
	const char *bundle = http_bundle();

	if (is_insecure(req, req->url)) {
		curl_easy_setopt(req->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(req->easy, CURLOPT_SSL_VERIFYHOST, 0L);
		/* Reading the bundle would cost 8 MB for nothing. */
		curl_easy_setopt(req->easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(req->easy, CURLOPT_CAPATH, NULL);
	} else if (bundle) {
		curl_easy_setopt(req->easy, CURLOPT_CAINFO, bundle);
	}
	if (req->certs)
		set_certs(req);
}

static void set_limits(struct http *h, struct http_request *req)
{
	long connect_ms = (long)h->stall_seconds * 1000;

	if ((req->flags & HTTP_IMPATIENT) && connect_ms > IMPATIENT_MS)
		connect_ms = IMPATIENT_MS;
	curl_easy_setopt(req->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);

	curl_easy_setopt(req->easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
}

/*
 * As Go's tools, docker among them, also HTTP_PROXY for plain HTTP: libcurl does not, because a
 * web server sets it for CGI programs from a field of the request. No_proxy counts all the same.
 */
static void set_proxy(struct http_request *req)
{
	const char *upper = secure_getenv("HTTP_PROXY"), *lower = secure_getenv("http_proxy");

	if (req->flags & HTTP_NO_PROXY)
		curl_easy_setopt(req->easy, CURLOPT_PROXY, "");
	else if (upper && upper[0] && !(lower && lower[0]) && str_starts(req->url, "http://") &&
		 !secure_getenv("REQUEST_METHOD"))
		curl_easy_setopt(req->easy, CURLOPT_PROXY, upper);
}

static void add_field(struct http_request *req, const char *name, const char *value)
{
	_cleanup_(freep) char *line = xasprintf("%s: %s", name, value);
	struct curl_slist *more = curl_slist_append(req->fields, line);

	if (more)
		req->fields = more;
}

static void close_easy(struct http *h, struct http_request *req)
{
	if (req->easy) {
		curl_multi_remove_handle(h->multi, req->easy);
		curl_easy_cleanup(req->easy);
	}
	curl_slist_free_all(req->fields);
	req->easy = NULL;
	req->fields = NULL;
}

static void reset_outcome(struct http_request *req)
{
	req->done = false;
	req->code = CURLE_OK;
	req->sink_error = 0;
	req->status = 0;
	req->content_length = -1;
	req->content_type[0] = req->content_range[0] = req->challenge[0] = req->why[0] = '\0';
	req->retry_after = 0;
	req->moved = clock_ms();
	req->paused = false;
	req->header_bytes = 0;
	req->ignored = 0;
}

static int begin(struct http *h, struct http_request *req)
{
	char range[32];

	reset_outcome(req);
	req->easy = curl_easy_init();
	if (!req->easy)
		return -ENOMEM;
	curl_easy_setopt(req->easy, CURLOPT_URL, req->url);
	curl_easy_setopt(req->easy, CURLOPT_PRIVATE, req);
	curl_easy_setopt(req->easy, CURLOPT_ERRORBUFFER, req->why);
	curl_easy_setopt(req->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(req->easy, CURLOPT_USERAGENT, "carrel/" PACKAGE_VERSION);
	curl_easy_setopt(req->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(req->easy, CURLOPT_WRITEDATA, req);
	curl_easy_setopt(req->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(req->easy, CURLOPT_HEADERDATA, req);
	set_protocols(req->easy);
	set_tls(req);
	set_limits(h, req);
	set_proxy(req);
	if (req->from) {
		int r = str_print(range, sizeof(range), "%llu-", (unsigned long long)req->from);

		if (r < 0)
			return r;
		curl_easy_setopt(req->easy, CURLOPT_RANGE, range);
	}
	if (req->form)
		curl_easy_setopt(req->easy, CURLOPT_POSTFIELDS, req->form);
	if (req->accept)
		add_field(req, "Accept", req->accept);
	if (req->authorization && !req->strange)
		add_field(req, "Authorization", req->authorization);
	curl_easy_setopt(req->easy, CURLOPT_HTTPHEADER, req->fields);
	return curl_multi_add_handle(h->multi, req->easy) == CURLM_OK ? 0 : -ENOMEM;
}

int http_start(struct http *h, struct http_request *req, struct error *err)
{
	int r;

	req->redirects = 0;
	req->strange = false;
	r = begin(h, req);
	if (r < 0)
		return error_code(err, r, "start a request");
	return 0;
}

void http_stop(struct http *h, struct http_request *req)
{
	close_easy(h, req);
	free(req->url);
	req->url = NULL;
}

void http_resume(struct http_request *req)
{
	if (!req->easy)
		return;
	req->paused = false;
	req->moved = clock_ms();
	curl_easy_pause(req->easy, CURLPAUSE_CONT);
}

/* Same scheme, host and port? */
static bool same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	_cleanup_(url_freep) CURLU *ua = curl_url(), *ub = curl_url();
	bool same = ua && ub && curl_url_set(ua, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(ub, CURLUPART_URL, b, 0) == CURLUE_OK;

	for (size_t i = 0; same && i < ARRAY_SIZE(parts); i++) {
		char *pa = url_part(ua, parts[i]), *pb = url_part(ub, parts[i]);

		same = pa && pb && str_eq(pa, pb);
		curl_free(pa);
		curl_free(pb);
	}
	return same;
}

/* 1 = the request goes on at another place, 0 = the response is final, < 0 = refused. */
static int follow(struct http *h, struct http_request *req)
{
	char *to = NULL;
	long status = 0;

	curl_easy_getinfo(req->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(req->easy, CURLINFO_REDIRECT_URL, &to);
	if (req->code != CURLE_OK || !to || status < 301 || status > 308)
		return 0;
	if (req->form || (!str_starts(to, "http://") && !str_starts(to, "https://")))
		return -EPROTO;
	if (str_starts(to, "http://") && !is_insecure(req, to))
		return -EPROTO;
	if (req->redirects++ >= HTTP_REDIRECTS_MAX)
		return -ELOOP;
	if (!same_origin(req->url, to))
		req->strange = true; /* for good: the way back is the other side's wish */
	to = xstrdup(to);
	close_easy(h, req);
	free(req->url);
	req->url = to;
	return begin(h, req) < 0 ? -ENOMEM : 1;
}

static void finish(struct http *h, struct http_request *req, CURLcode code)
{
	int r;

	req->code = code;
	r = follow(h, req);
	if (r > 0)
		return;
	if (r < 0) {
		req->code = CURLE_TOO_MANY_REDIRECTS;
		req->sink_error = r;
		ignore_result(str_copy(req->why, sizeof(req->why),
				       r == -ELOOP ? "too many redirects"
						   : "redirect to a place that is not allowed"));
	}
	if (req->easy)
		curl_easy_getinfo(req->easy, CURLINFO_RESPONSE_CODE, &req->status);
	if (code != CURLE_OK && !req->why[0])
		ignore_result(str_copy(req->why, sizeof(req->why), curl_easy_strerror(code)));
	close_easy(h, req);
	req->done = true;
}

void http_expire(struct http *h, struct http_request *req)
{
	finish(h, req, CURLE_OPERATION_TIMEDOUT);
}

int http_step(struct http *h, int wake_fd, int timeout_ms, struct error *err)
{
	struct curl_waitfd wait = { .fd = wake_fd, .events = CURL_WAIT_POLLIN };
	int running, left;
	CURLMsg *msg;
	bool any = false;

	if (curl_multi_perform(h->multi, &running) != CURLM_OK)
		return error_set(err, -EIO, "run the transfers");
	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct http_request *req = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &req);
		finish(h, req, msg->data.result);
		any = true;
	}
	if (any)
		return 0;
	if (curl_multi_poll(h->multi, wake_fd >= 0 ? &wait : NULL, wake_fd >= 0, timeout_ms,
			    NULL) != CURLM_OK)
		return error_set(err, -EIO, "wait for the network");
	return 0;
}

void http_wake(struct http *h)
{
	(void)curl_multi_wakeup(h->multi); /* fails only when a wakeup is pending already */
}

char *http_escape(const char *s)
{
	char *e = curl_easy_escape(NULL, s, 0), *copy;

	copy = xstrdup(e ? e : "");
	curl_free(e);
	return copy;
}
