/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "cli/stdfd.h"

/*
 * Bytes from one descriptor to another, exactly. One end is a pipe of ours (or a pty's master), the
 * other a descriptor of the caller. Both ends are closed at the end of file, or when the reader is
 * gone (so that the writer behind us gets its SIGPIPE).
 */
enum {
	RELAY_SIZE = 64 << 10,
};

struct relay {
	struct loop_source in, out; /* fd -1 when closed */
	enum stdfd_wait in_wait, out_wait;
	int error; /* first failure of the writing end, but EPIPE */
	bool end;  /* nothing more comes in */
	size_t off, len;
	char *buf;
};

/* Takes both descriptors. */
int relay_start(struct loop *loop, struct relay *r, int in, enum stdfd_wait in_wait, int out,
		enum stdfd_wait out_wait) _nodiscard_;
/* The other end is gone: take what can be read now, write it, close. */
void relay_drain(struct loop *loop, struct relay *r);
void relay_done(struct loop *loop, struct relay *r);

/* One write that does not block where that can be helped; -EAGAIN. */
ssize_t relay_write(int fd, enum stdfd_wait wait, const char *p, size_t n) _nodiscard_;
