/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The caller's standard descriptors (DESIGN 4.9): the caller's own pipes go to the container as
 * they are; a tty without -t, a regular file or a device is relayed by a pipe, because its open
 * file would give the container what the user did not name (seek, truncate, the terminal's ioctls).
 * So are sockets and pipes of somebody else (`sudo -u user carrel ... | tee`, a service of
 * systemd): /dev/stdout, which images have their logs in, could not be opened. A directory or an
 * O_PATH descriptor is refused.
 */
enum stdfd_kind {
	STDFD_PASS,
	STDFD_RELAY,
};

int stdfd_kind(int fd, enum stdfd_kind *ret, struct error *err) _nodiscard_;

/* Do both lead to one pipe, socket or device? One relay keeps the order of what is written then. */
bool stdfd_is_same(int a, int b);

/* How to wait for an end of a relay. */
enum stdfd_wait {
	STDFD_ALWAYS, /* regular files, most devices: always ready */
	STDFD_POLL,   /* epoll tells */
	STDFD_SMALL,  /* epoll tells that PIPE_BUF bytes can be written without blocking */
};

/*
 * A descriptor of our own for relaying to or from `fd`, -errno. A terminal is opened again without
 * blocking: the flag belongs to the open file, which others share.
 */
int stdfd_open(int fd, bool for_write, enum stdfd_wait *ret, struct error *err) _nodiscard_;

/* /dev/null for reading. */
int stdfd_null(struct error *err) _nodiscard_;
