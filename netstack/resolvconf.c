/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "resolv.h"

enum {
	DNS_PORT = 53,
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One "ADDRESS[%SCOPE]" into the next slot; words that are no address are ignored as glibc does. */
static void add_server(struct resolv_list *list, const char *word, size_t len)
{
	union resolv_addr *a = &list->addr[list->n];
	char *scope = list->scope[list->n];
	char buf[INET6_ADDRSTRLEN + IF_NAMESIZE];
	char *percent;

	if (len >= sizeof(buf))
		return;
	memcpy(buf, word, len);
	buf[len] = '\0';
	*a = (union resolv_addr){ .in6 = { 0 } };
	scope[0] = '\0';
	if (inet_pton(AF_INET, buf, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(DNS_PORT);
		list->n++;
		return;
	}
	percent = strchr(buf, '%');
	if (percent) {
		*percent = '\0';
		if (str_copy(scope, IF_NAMESIZE, percent + 1) < 0)
			return;
	}
	if (inet_pton(AF_INET6, buf, &a->in6.sin6_addr) != 1)
		return;
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(DNS_PORT);
	list->n++;
}

static void parse_line(const char *s, const char *end, struct resolv_list *list)
{
	static const char keyword[] = "nameserver";
	size_t n = sizeof(keyword) - 1;
	const char *word;

	if ((size_t)(end - s) <= n || memcmp(s, keyword, n) != 0 || !is_blank(s[n]))
		return;
	for (s += n; s < end && is_blank(*s);)
		s++;
	for (word = s; s < end && !is_blank(*s);)
		s++;
	if (s > word)
		add_server(list, word, (size_t)(s - word));
}

void resolv_parse(const char *text, size_t len, struct resolv_list *ret)
{
	const char *end = text + len;

	*ret = (struct resolv_list){ 0 };
	while (text < end && ret->n < RESOLV_MAX) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		if (!eol)
			eol = end;
		parse_line(text, eol, ret);
		text = eol + (eol < end);
	}
	if (ret->n == 0)
		add_server(ret, "127.0.0.1", 9);
}
