/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "registry/registry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "oci/manifest.h"
#include "registry/authfile.h"
#include "registry/fetch.h"

_Static_assert((int)REGISTRY_PAUSE == (int)FETCH_PAUSE, "sinks are handed on as they are");

/* docker's rule: 127.0.0.0/8, ::1 and localhost. */
static bool is_loopback(const char *domain)
{
	char host[256];
	struct in_addr a;
	size_t n;

	if (str_starts(domain, "[::1]"))
		return true;
	n = strcspn(domain, ":");
	if (n >= sizeof(host))
		return false;
	memcpy(host, domain, n);
	host[n] = '\0';
	if (str_eq(host, "localhost"))
		return true;
	return inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

/* Settings for slow links, and for tests that cannot wait. */
static unsigned number_or(const char *s, unsigned fallback, unsigned max)
{
	uint32_t v;

	if (!s || num_u32(s, &v) < 0 || v == 0 || v > max)
		return fallback;
	return v;
}

void registry_blame_auth(const char *path, struct error *err)
{
	error_prefix(err, "credentials file %s", path);
	error_hint(err, "it is your own, as `docker login` or `podman login` write it: mend it, or "
			"move it away");
}

int registry_open(const struct reference *ref, const struct registry_options *options,
		  struct registry **ret, struct error *err)
{
	struct registry *r = xcalloc(1, sizeof(*r));
	int q = 0;

	r->ref = *ref;
	r->host = str_eq(ref->domain, "docker.io") ? "registry-1.docker.io" : r->ref.domain;
	r->scheme = "https";
	r->loopback = is_loopback(ref->domain);
	r->insecure_all = options->tls == REGISTRY_TLS_OFF;
	r->insecure = r->insecure_all || (options->tls == REGISTRY_TLS_AUTO && r->loopback);
	r->retry_ms = number_or(secure_getenv("CARREL_RETRY_MS"), REGISTRY_RETRY_MS, 60 * 1000);
	r->stall_seconds =
		number_or(secure_getenv("CARREL_STALL_SECONDS"), REGISTRY_STALL_SECONDS, 3600);
	if (options->auth_json)
		q = authfile_find(options->auth_json, options->auth_len, ref, &r->login, err);
	if (q < 0)
		registry_blame_auth(options->auth_path, err);
	if (q == 0)
		q = certs_load(ref->domain, &r->certs, err);
	if (q == 0 && r->certs.authorities.len && http_bundle())
		q = certs_add_bundle(&r->certs, http_bundle(), err);
	if (q == 0)
		q = http_new(r->stall_seconds, &r->http, err);
	if (q < 0) {
		registry_close(r);
		return q;
	}
	*ret = r;
	return 0;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	http_free(r->http);
	authfile_login_done(&r->login);
	certs_done(&r->certs);
	free(r->authorization);
	free(r);
}

/* f is filled but for the sink. */
static int get_doc(struct registry *r, struct fetch *f, struct registry_doc *ret, struct error *err)
{
	struct str_buf text;
	int q;

	str_buf_init(&text, f->size >= 0 ? (size_t)f->size + 1 : f->max + 1);
	f->sink = fetch_collect;
	f->restart = f->size >= 0 ? NULL : fetch_forget;
	f->data = &text;
	q = fetch_start(r, f, err);
	if (q == 0)
		q = fetch_wait(r, f, err);
	if (q == 0) {
		/* Same size. */
		ignore_result(str_copy(ret->content_type, sizeof(ret->content_type),
				       f->req.content_type));
		ret->len = text.len;
		ret->text = str_buf_take(&text);
	}
	fetch_stop(r, f);
	str_buf_done(&text);
	return q;
}

int registry_get_manifest(struct registry *r, const char *tag_or_digest, struct registry_doc *ret,
			  struct error *err)
{
	struct fetch f = {
		.kind = FETCH_MANIFEST,
		.what = xasprintf("manifest %s", tag_or_digest),
		.path = xasprintf("/v2/%s/manifests/%s", r->ref.path, tag_or_digest),
		.size = FETCH_SIZE_UNKNOWN,
		.max = MANIFEST_SIZE_MAX,
	};

	return get_doc(r, &f, ret, err);
}

int registry_get_blob(struct registry *r, const struct digest *digest, uint64_t size, size_t max,
		      struct registry_doc *ret, struct error *err)
{
	char name[DIGEST_STR_MAX];
	struct fetch f = { .kind = FETCH_BLOB, .size = (int64_t)size };

	if (size > max)
		return error_set(err, -EFBIG, "blob of %llu bytes is larger than %zu",
				 (unsigned long long)size, max);
	digest_format(digest, name);
	f.what = xasprintf("config %.19s", name);
	f.path = xasprintf("/v2/%s/blobs/%s", r->ref.path, name);
	return get_doc(r, &f, ret, err);
}

int registry_blob_start(struct registry *r, struct registry_blob *b, struct error *err)
{
	char name[DIGEST_STR_MAX];
	struct fetch *f;
	int q;

	if (b->size > INT64_MAX)
		return error_set(err, -EFBIG, "layer of an impossible size");
	digest_format(&b->digest, name);
	f = xcalloc(1, sizeof(*f));
	f->kind = FETCH_BLOB;
	f->size = (int64_t)b->size;
	f->what = xasprintf("layer %.19s", name);
	f->path = xasprintf("/v2/%s/blobs/%s", r->ref.path, name);
	f->sink = b->sink;
	f->data = b->data;
	q = fetch_start(r, f, err);
	if (q < 0) {
		fetch_stop(r, f);
		free(f);
		return q;
	}
	b->fetch = f;
	b->done = false;
	return 0;
}

void registry_blob_resume(struct registry_blob *b)
{
	struct fetch *f = b->fetch;

	if (f && !f->done)
		http_resume(&f->req);
}

void registry_blob_stop(struct registry *r, struct registry_blob *b)
{
	struct fetch *f = b->fetch;

	if (!f)
		return;
	fetch_stop(r, f);
	free(f);
	b->fetch = NULL;
}

bool registry_blob_poll(struct registry_blob *b)
{
	struct fetch *f = b->fetch;

	if (f && f->done && !b->done) {
		b->done = true;
		b->result = f->result;
		b->err = f->err;
	}
	return b->done;
}

int registry_step(struct registry *r, int wake_fd, struct error *err)
{
	return fetch_step(r, wake_fd, err);
}

void registry_wake(struct registry *r)
{
	http_wake(r->http);
}
