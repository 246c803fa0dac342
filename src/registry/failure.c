/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "registry/fetch.h"

/* Who failed: the registry, its token service, or where one of them has sent us to. */
struct peer {
	char host[256];
	char text[600];
};

static void find_peer(const struct registry *r, const struct fetch *f, struct peer *ret)
{
	bool token = f->kind == FETCH_TOKEN;
	_cleanup_(freep) char *host =
		token || f->req.strange ? http_host(f->req.url) : xstrdup(r->host);

	(void)snprintf(ret->host, sizeof(ret->host), "%s", host);
	if (f->req.strange)
		(void)snprintf(ret->text, sizeof(ret->text), "%s (by redirect of %s %s)", ret->host,
			       token ? "the token service of" : "registry", r->host);
	else
		(void)snprintf(ret->text, sizeof(ret->text), "%s %s",
			       token ? "token service" : "registry", ret->host);
}

/* Without the port. */
static int host_length(const char *host)
{
	return (int)(host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":"));
}

static int transport(struct registry *r, struct fetch *f, const struct peer *peer,
		     struct error *err)
{
	const char *who = peer->text;

	switch ((int)f->req.code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		error_set(err, -EHOSTUNREACH, "%s: there is no host of that name", who);
		error_hint(err, "check the name, and the network: `getent hosts %.*s`",
			   host_length(peer->host), peer->host);
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_PROXY:
		error_set(err, -ECONNREFUSED, "%s is not reachable: %s", who, f->req.why);
		error_hint(err, "check name and port, and http_proxy, https_proxy and no_proxy");
		return -ECONNREFUSED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		error_set(err, -EKEYREJECTED, "%s has no certificate to trust: %s", who,
			  f->req.why);
		error_hint(err, "name its authority by SSL_CERT_FILE, or use --tls-verify=false");
		return -EKEYREJECTED;
	case CURLE_SSL_CONNECT_ERROR:
		error_set(err, -EPROTO, "%s does not speak TLS: %s", who, f->req.why);
		error_hint(err, "for a registry with plain HTTP use --tls-verify=false");
		return -EPROTO;
	case CURLE_OPERATION_TIMEDOUT:
		error_set(err, -ETIMEDOUT, "%s: %s sent nothing for %u seconds", f->what, who,
			  r->stall_seconds);
		break;
	case CURLE_TOO_MANY_REDIRECTS:
		return error_set(err, -EPROTO, "%s: %s from %s", f->what, f->req.why, who);
	default:
		error_set(err, -EIO, "%s: the transfer from %s broke off after %llu bytes: %s",
			  f->what, who, (unsigned long long)f->got, f->req.why);
		break;
	}
	error_hint(err, "it was tried %u times; nothing is kept, so pull again when it is better",
		   f->tries);
	return err ? err->code : -EIO;
}

static int denied(struct registry *r, struct fetch *f, struct error *err)
{
	char name[REFERENCE_STR_MAX];

	if (f->kind == FETCH_TOKEN && !r->login.basic && !r->login.identity)
		error_set(err, -EACCES,
			  "access is denied: registry %s gives no token without a login", r->host);
	else if (f->kind == FETCH_TOKEN)
		error_set(err, -EACCES, "registry %s refuses the credentials for %s", r->host,
			  r->ref.domain);
	else
		error_set(err, -EACCES, "%s: no such image, or access is denied",
			  reference_familiar(&r->ref, name));
	if (r->login.basic || r->login.identity)
		error_hint(err, "check the name, and the credentials for %s", r->ref.domain);
	else
		error_hint(err,
			   "check the name; a private image needs credentials for %s in "
			   "~/.docker/config.json",
			   r->ref.domain);
	return -EACCES;
}

/* What an index or a manifest has named: not what the user has asked for. */
static bool is_part(const struct registry *r, const struct fetch *f)
{
	const char *last = strrchr(f->path, '/') + 1;
	struct digest d;

	return f->kind == FETCH_BLOB ||
	       (digest_parse(last, &d) == 0 && !digest_equal(&d, &r->ref.digest));
}

static int missing(struct registry *r, struct fetch *f, struct error *err)
{
	char name[REFERENCE_STR_MAX];

	if (f->kind == FETCH_MANIFEST && !is_part(r, f)) {
		error_set(err, -ENOENT, "%s: no such image in the registry",
			  reference_familiar(&r->ref, name));
		error_hint(
			err,
			digest_is_set(&r->ref.digest)
				? "check name and digest; a registry may forget what no tag leads to"
				: "check name and tag; a tag that was not given is \"latest\"");
	} else if (f->kind == FETCH_TOKEN) {
		error_set(err, -ENOENT, "registry %s: its token service is not where it says",
			  r->host);
		error_hint(err, "check the registry's name; it sent us to %.200s", f->path);
	} else {
		error_set(err, -ENOENT, "%s: the registry names it but does not have it", f->what);
		error_hint(err, "the image is damaged there: push it again");
	}
	return -ENOENT;
}

/* Storage behind a registry knows none of our logins: nothing that the user has is at fault. */
static int turned_away(const struct fetch *f, const struct peer *peer, struct error *err)
{
	error_set(err, -EACCES, "%s: %s refuses it (status %ld)", f->what, peer->text,
		  f->req.status);
	if (f->kind == FETCH_TOKEN)
		error_hint(err, "no login is given to a place that a redirect names");
	else
		error_hint(err,
			   "the registry was asked %u times for an address there; no login is "
			   "given to a place that a redirect names",
			   f->tries);
	return -EACCES;
}

int failure_set(struct registry *r, struct fetch *f, struct error *err)
{
	long status = f->req.status;
	struct peer peer;

	find_peer(r, f, &peer);
	if (f->req.code == CURLE_TOO_MANY_REDIRECTS || f->req.code == CURLE_OPERATION_TIMEDOUT)
		return transport(r, f, &peer, err);

	if (fetch_is_turned_away(f))
		return turned_away(f, &peer, err);
	if (status == 401 || status == 403)
		return denied(r, f, err);
	if (status == 404)
		return missing(r, f, err);
	if (status == 429) {
		error_set(err, -EBUSY, "%s: %s answers too many requests (429)", f->what,
			  peer.text);
		error_hint(err, "wait, or use credentials: their limit is higher");
		return -EBUSY;
	}
	if (status >= 300) {
		error_set(err, -EIO, "%s: %s answers with status %ld", f->what, peer.text, status);
		if (status >= 500)
			error_hint(err, "it was tried %u times; the registry has a problem",
				   f->tries);
		return -EIO;
	}
	if (f->req.code != CURLE_OK && f->req.code != CURLE_PARTIAL_FILE)
		return transport(r, f, &peer, err);
	error_set(err, -EIO, "%s: %s ends it after %llu of %lld bytes", f->what, peer.text,
		  (unsigned long long)f->got, (long long)f->size);
	error_hint(err, "it was tried %u times; nothing is kept, so pull again later", f->tries);
	return -EIO;
}
