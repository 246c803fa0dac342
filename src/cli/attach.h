/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "storage/container.h"
#include "storage/store.h"

/* The client of a supervisor (superctl.h): our standard descriptors are the container's. */
enum attach_flags {
	ATTACH_STDIN = 1 << 0,
	ATTACH_TTY = 1 << 1,  /* the container has a terminal: raw mode, resize, detach keys */
	ATTACH_WAIT = 1 << 2, /* attach_connect: only the exit status is wanted */
};

#define DETACH_KEYS "ctrl-p,ctrl-q"

/* "ctrl-p,ctrl-q", "ctrl-x,x", "" (none): up to 8 keys. */
enum {
	DETACH_KEYS_MAX = 8,
};
struct detach_keys {
	char keys[DETACH_KEYS_MAX];
	unsigned n;
};
int detach_keys_parse(const char *s, struct detach_keys *ret, struct error *err) _nodiscard_;

/* "<id>.sock" in the store's runtime directory. */
void attach_socket_name(const char *id, char buf[ID_LEN + 8]);
/* Connect to a running container; -ENOENT where it has no supervisor program. */
int attach_connect(struct store *s, const struct container *c, enum attach_flags flags,
		   struct error *err) _nodiscard_;

/* 0: the container has ended, with *ret_status. 1: it was left running, and *ret_status is what to
 * end with: 0 after the detach keys, 129 where our terminal was hung up, 141 where nobody reads our
 * standard output any more. sock is borrowed. */
int attach_run(int sock, const struct container *c, enum attach_flags flags,
	       const struct detach_keys *keys, int *ret_status, struct error *err) _nodiscard_;
