/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Wire between a supervisor and its attach clients: SOCK_SEQPACKET on <runtime>/<id>.sock, one
 * message = one struct superctl_head and at most SUPERCTL_DATA_MAX bytes, host byte order (both
 * ends are one installation on one machine).
 *
 * The first message is HELLO and carries one descriptor: the client's /proc/self/ns/user. The
 * supervisor compares it with the user namespace that the container was started from. A process of
 * another container has the same user id on the host, so that neither that of SO_PEERCRED nor file
 * modes tell it from the user; but it cannot open a namespace above its own. It could be given one
 * by a client that takes it for the supervisor, and pass it on: so a client sends nothing before
 * SO_PEERCRED has named the process that is on record as the supervisor. The kernel notes there who
 * called listen(2), hence it is the supervisor itself that does (before its exec, which is not
 * seen, and before its filter, which need not know the call).
 */
enum {
	SUPERCTL_VERSION = 1,
	SUPERCTL_DATA_MAX = 32 << 10,
};

enum superctl_type {
	/* From the client. */
	SUPERCTL_HELLO = 1, /* value: version << 16 | enum superctl_hello */
	SUPERCTL_STDIN,	    /* data */
	SUPERCTL_STDIN_EOF,
	SUPERCTL_RESIZE, /* value: rows << 16 | columns */
	/* From the supervisor. */
	SUPERCTL_OUTPUT, /* value: 1 or 2; data */
	SUPERCTL_LOST,	 /* value: so many bytes were not sent, because the client was slow */
	SUPERCTL_EXIT,	 /* value: exit status; the last message */
};

enum superctl_hello {
	SUPERCTL_WANT_STDIN = 1 << 0,
	SUPERCTL_WANT_OUTPUT = 1 << 1,
};

struct superctl_head {
	uint32_t type;
	uint32_t value;
};
