/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "registry/fetch.h"
#include "registry/httphdr.h"
#include "registry/tokendoc.h"

enum {
	TOKEN_ANSWER_MAX = 64 << 10,
};

/* RFC-less but universal: GET realm?service=...&scope=... */
static char *token_url(const struct registry *r, const struct challenge *ch)
{
	_cleanup_(freep) char *own = xasprintf("repository:%s:pull", r->ref.path);
	_cleanup_(freep) char *scope = http_escape(ch->scope[0] ? ch->scope : own);
	_cleanup_(freep) char *service = http_escape(ch->service);

	return xasprintf("%s%c%s%s%sscope=%s", ch->realm, strchr(ch->realm, '?') ? '&' : '?',
			 service[0] ? "service=" : "", service, service[0] ? "&" : "", scope);
}

/* OAuth 2: POST realm, grant_type=refresh_token. docker's logins by a browser are of this kind. */
static char *token_form(const struct registry *r, const struct challenge *ch)
{
	_cleanup_(freep) char *own = xasprintf("repository:%s:pull", r->ref.path);
	_cleanup_(freep) char *scope = http_escape(ch->scope[0] ? ch->scope : own);
	_cleanup_(freep) char *service = http_escape(ch->service);
	char *token = http_escape(r->login.identity);
	char *form = xasprintf("grant_type=refresh_token&client_id=carrel&service=%s&scope=%s"
			       "&refresh_token=%s",
			       service, scope, token);

	explicit_bzero(token, strlen(token));
	free(token);
	return form;
}

static int ask(struct registry *r, const struct challenge *ch, char **ret, struct error *err)
{
	struct str_buf answer;
	struct fetch f = {
		.kind = FETCH_TOKEN,
		.what = xstrdup("token"),
		.path = r->login.identity ? xstrdup(ch->realm) : token_url(r, ch),
		.form = r->login.identity ? token_form(r, ch) : NULL,
		.size = FETCH_SIZE_UNKNOWN,
		.max = TOKEN_ANSWER_MAX,
		.sink = fetch_collect,
		.restart = fetch_forget,
		.data = &answer,
		.authorization =
			r->login.basic && !r->login.identity ? xstrdup(r->login.basic) : NULL,
	};
	int q;

	str_buf_init(&answer, TOKEN_ANSWER_MAX + 1);
	q = fetch_start(r, &f, err);
	if (q == 0)
		q = fetch_wait(r, &f, err);
	fetch_stop(r, &f);
	if (q == 0)
		q = tokendoc_parse(answer.s ? answer.s : "", answer.len, ret, err);
	if (q < 0 && err && !err->hint[0]) {
		error_prefix(err, "token for %s", r->ref.domain);
		error_hint(err,
			   "what answers at %.160s is no token service; a login page or a proxy "
			   "may be in the way",
			   ch->realm);
	}
	str_buf_done(&answer);
	return q;
}

/* Who can listen to the token request has the password, and the token. A registry on loopback may
 * have its token service there, too; another host may give tokens to all, but is shown no login. */
static bool is_in_the_open(const struct registry *r, const struct challenge *ch)
{
	if (!str_starts(ch->realm, "http:") || r->insecure_all)
		return false;
	if (!r->insecure)
		return true;
	return !http_is_on(ch->realm, r->host) && (r->login.basic || r->login.identity);
}

int token_renew(struct registry *r, const char *challenge, struct error *err)
{
	char *authorization = NULL;
	struct challenge ch;
	int q;

	q = challenge_parse(challenge, strlen(challenge), &ch);
	if (q < 0) {
		error_set(err, -EPROTO,
			  "registry %s wants a login of a kind that it does not say clearly",
			  r->host);
		error_hint(err, "known are tokens (Bearer) and passwords (Basic)");
		return -EPROTO;
	}
	if (ch.scheme == CHALLENGE_BASIC) {
		if (!r->login.basic) {
			error_set(err, -EACCES, "registry %s wants a login", r->ref.domain);
			error_hint(err, "put credentials for %s in ~/.docker/config.json",
				   r->ref.domain);
			return -EACCES;
		}
		authorization = xstrdup(r->login.basic);
	} else {
		if (is_in_the_open(r, &ch)) {
			error_set(err, -EPROTO,
				  "registry %s sends its login over plain HTTP to %.160s: refused",
				  r->host, ch.realm);
			error_hint(err, "where the way there is safe, use --tls-verify=false");
			return -EPROTO;
		}
		r->renewing = true;
		q = ask(r, &ch, &authorization, err);
		r->renewing = false;
		if (q < 0)
			return q;
	}
	free(r->authorization);
	r->authorization = authorization;
	r->token++;
	return 0;
}
