/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "net/net.h"
#include "netctl.h"

enum {
	RESOLV_CONF_MAX = 64 << 10,
};

/* The first word of a resolv.conf line that the container keeps although the servers differ. */
static bool is_kept(const char *line, size_t len)
{
	static const char *const words[] = { "search", "domain", "options", "sortlist" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (len > n && memcmp(line, words[i], n) == 0 &&
		    (line[n] == ' ' || line[n] == '\t'))
			return true;
	}
	return false;
}

static void add_kept_lines(const char *text, size_t len, struct str_buf *out)
{
	const char *end = text + len;

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		if (!eol)
			eol = end;
		if (is_kept(text, (size_t)(eol - text))) {
			str_buf_add(out, text, (size_t)(eol - text));
			str_buf_addc(out, '\n');
		}
		text = eol + (eol < end);
	}
}

void net_resolv_conf(bool private_net, struct str_buf *out)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;

	if (path_load(AT_FDCWD, "/etc/resolv.conf", RESOLV_CONF_MAX, &text, &len) < 0)
		len = 0; /* no file: the resolver's default, as on the host */
	if (!private_net) {
		str_buf_add(out, len ? text : "", len);
		return;
	}
	str_buf_adds(out, "nameserver " NETCTL_IPV4_DNS "\n");
	if (len)
		add_kept_lines(text, len, out);
}

/*
 * docker's lines. No host.docker.internal: the host's loopback is closed, so the name would
 * promise what the network does not do.
 */
void net_hosts(const char *hostname, bool private_net, struct str_buf *out)
{
	str_buf_adds(out, "127.0.0.1\tlocalhost\n"
			  "::1\tlocalhost ip6-localhost ip6-loopback\n"
			  "fe00::\tip6-localnet\n"
			  "ff00::\tip6-mcastprefix\n"
			  "ff02::1\tip6-allnodes\n"
			  "ff02::2\tip6-allrouters\n");
	/* 127.0.1.1 is Debian's way to have a name without a network. */
	str_buf_addf(out, "%s\t%s\n", private_net ? NETCTL_IPV4_GUEST : "127.0.1.1", hostname);
	if (private_net)
		str_buf_addf(out, "%s\t%s\n", NETCTL_IPV6_GUEST, hostname);
}
