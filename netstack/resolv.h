/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The host's resolvers as they are now. The process that talks to the container has an empty root
 * and may not open files, so a second small one, the reader, keeps the host's view: asked with one
 * byte, it reads /etc/resolv.conf (whatever that is a link to at this moment) and answers with a
 * struct resolv_list. It never sees a byte of the container's.
 */
enum {
	RESOLV_MAX = 4,
	RESOLV_FILE_MAX = 64 << 10,
};

union resolv_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct resolv_list {
	uint32_t n;
	union resolv_addr addr[RESOLV_MAX];
	char scope[RESOLV_MAX][IF_NAMESIZE]; /* "eth0" of fe80::1%eth0; the reader resolves it */
};

/* Pure: the nameserver lines of a file. Without any, 127.0.0.1 as resolv.conf(5) says. */
void resolv_parse(const char *text, size_t len, struct resolv_list *ret);

static inline socklen_t resolv_addr_len(const union resolv_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

/* Fork the reader; returns our non-blocking end of its socket. It ends when that is closed. */
int resolv_start_reader(struct error *err) _nodiscard_;
