/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "registry/httphdr.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

/* What is left to read. */
struct cursor {
	const char *s;
	const char *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->s < c->end && (*c->s == ' ' || *c->s == '\t'))
		c->s++;
}

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t take_token(struct cursor *c, const char **ret)
{
	*ret = c->s;
	while (c->s < c->end && is_token_char(*c->s))
		c->s++;
	return (size_t)(c->s - *ret);
}

static bool token_is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

static int put(char *buf, size_t *n, char c)
{
	if ((unsigned char)c < 0x20 || c == 0x7f || *n + 1 >= CHALLENGE_VALUE_MAX)
		return -EINVAL;
	buf[(*n)++] = c;
	buf[*n] = '\0';
	return 0;
}

/* "quoted \" string" or a token, into buf. */
static int take_value(struct cursor *c, char buf[CHALLENGE_VALUE_MAX])
{
	size_t n = 0;
	int r;

	buf[0] = '\0';
	if (c->s == c->end || *c->s != '"') {
		for (; c->s < c->end && *c->s != ',' && *c->s != ' ' && *c->s != '\t'; c->s++) {
			r = put(buf, &n, *c->s);
			if (r < 0)
				return r;
		}
		return n ? 0 : -EINVAL;
	}
	for (c->s++; c->s < c->end && *c->s != '"'; c->s++) {
		if (*c->s == '\\' && ++c->s == c->end)
			return -EINVAL;
		r = put(buf, &n, *c->s);
		if (r < 0)
			return r;
	}
	if (c->s == c->end)
		return -EINVAL;
	c->s++;
	return 0;
}

static char *field_of(struct challenge *ch, const char *name, size_t n)
{
	if (token_is(name, n, "realm"))
		return ch->realm;
	if (token_is(name, n, "service"))
		return ch->service;
	if (token_is(name, n, "scope"))
		return ch->scope;
	return NULL;
}

/* "name =" is taken; without a "=" it is the next challenge's scheme, which is not. */
static bool take_name(struct cursor *c, const char **ret, size_t *ret_n)
{
	struct cursor start = *c;

	*ret_n = take_token(c, ret);
	skip_blanks(c);
	if (*ret_n && c->s < c->end && *c->s == '=') {
		c->s++;
		return true;
	}
	*c = start;
	return false;
}

static void skip_commas(struct cursor *c)
{
	while (c->s < c->end && (*c->s == ',' || *c->s == ' ' || *c->s == '\t'))
		c->s++;
}

/* Up to the end or the next challenge. */
static int take_params(struct cursor *c, struct challenge *ch)
{
	for (;;) {
		char value[CHALLENGE_VALUE_MAX], *field;
		const char *name, *from = c->s;
		size_t n;
		int r;

		skip_commas(c);
		if (c->s == c->end)
			return 0;
		if (!take_name(c, &name, &n)) /* the next challenge is one behind a comma only */
			return n && memchr(from, ',', (size_t)(c->s - from)) ? 0 : -EINVAL;
		skip_blanks(c);
		r = take_value(c, value);
		if (r < 0)
			return r;
		field = field_of(ch, name, n);
		if (field && field[0])
			return -EINVAL;
		if (field)
			memcpy(field, value, strlen(value) + 1);
	}
}

/* Where a token, and perhaps a password, is going to be asked for. */
static bool realm_is_valid(const char *url)
{
	size_t skip = str_starts(url, "https://") ? 8 : str_starts(url, "http://") ? 7 : 0;
	size_t host;

	if (!skip)
		return false;
	host = strcspn(url + skip, "/?#");
	return host > 0 && !memchr(url + skip, '@', host) && !strpbrk(url, " \\#");
}

/* Over the parameters of a scheme that is not ours; they may be of any form. */
static void skip_params(struct cursor *c)
{
	const char *name;
	size_t n;

	do {
		bool quoted = false;

		for (; c->s < c->end && (quoted || *c->s != ','); c->s++) {
			if (quoted && *c->s == '\\' && c->s + 1 < c->end)
				c->s++;
			else if (*c->s == '"')
				quoted = !quoted;
		}
		skip_commas(c);
	} while (c->s < c->end && take_name(c, &name, &n));
}

static int take_challenge(struct cursor *c, struct challenge *ret)
{
	struct challenge ch = { 0 };
	const char *word;
	size_t len = take_token(c, &word);
	int r;

	if (token_is(word, len, "bearer")) {
		ch.scheme = CHALLENGE_BEARER;
	} else if (token_is(word, len, "basic")) {
		ch.scheme = CHALLENGE_BASIC;
	} else {
		skip_params(c);
		return len ? -EOPNOTSUPP : -EINVAL;
	}
	r = take_params(c, &ch);
	if (r < 0)
		return r;
	if (ch.scheme == CHALLENGE_BEARER && !realm_is_valid(ch.realm))
		return -EINVAL;
	*ret = ch;
	return 0;
}

int challenge_parse(const char *s, size_t n, struct challenge *ret)
{
	struct cursor c = { .s = s, .end = s + n };
	struct challenge best = { 0 };
	int found = -EOPNOTSUPP;

	skip_commas(&c);
	if (c.s == c.end)
		return -EINVAL;
	while (c.s < c.end) {
		struct challenge ch;
		int r = take_challenge(&c, &ch);

		if (r == -EINVAL)
			return r;
		if (r == 0 && (found < 0 || ch.scheme > best.scheme)) {
			best = ch;
			found = 0;
		}
	}
	if (found == 0)
		*ret = best;
	return found;
}

static int take_u64(struct cursor *c, uint64_t *ret)
{
	const char *from = c->s;
	uint64_t v = 0;

	for (; c->s < c->end && *c->s >= '0' && *c->s <= '9'; c->s++) {
		unsigned digit = (unsigned)(*c->s - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	if (c->s == from)
		return -EINVAL;
	*ret = v;
	return 0;
}

static bool take_char(struct cursor *c, char want)
{
	if (c->s == c->end || *c->s != want)
		return false;
	c->s++;
	return true;
}

int content_range_parse(const char *s, size_t n, struct content_range *ret)
{
	struct cursor c = { .s = s, .end = s + n };
	struct content_range cr = { .total = UINT64_MAX };
	const char *unit;
	size_t len = take_token(&c, &unit);

	if (!token_is(unit, len, "bytes"))
		return -EINVAL;
	skip_blanks(&c);
	if (take_u64(&c, &cr.first) < 0 || !take_char(&c, '-') || take_u64(&c, &cr.last) < 0 ||
	    !take_char(&c, '/'))
		return -EINVAL;
	if (!take_char(&c, '*') && take_u64(&c, &cr.total) < 0)
		return -EINVAL;
	if (c.s != c.end || cr.first > cr.last || cr.last >= cr.total)
		return -EINVAL;
	*ret = cr;
	return 0;
}

unsigned retry_after_parse(const char *s, size_t n, unsigned max)
{
	struct cursor c = { .s = s, .end = s + n };
	uint64_t v;
	int r = take_u64(&c, &v);

	if (r == -ERANGE)
		return max;
	if (r < 0 || c.s != c.end)
		return 0;
	return v < max ? (unsigned)v : max;
}

bool header_value(const char *line, size_t n, const char *name, const char **ret, size_t *ret_n)
{
	size_t k = strlen(name);
	const char *s, *end = line + n;

	if (n <= k || line[k] != ':' || strncasecmp(line, name, k) != 0)
		return false;
	s = line + k + 1;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*ret = s;
	*ret_n = (size_t)(end - s);
	return true;
}
