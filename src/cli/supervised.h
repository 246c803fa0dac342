/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/launch.h"

/*
 * A container under libexec/carrel/supervisor. A child of ours enters U, starts the container and
 * becomes the supervisor by exec; with --rm it leaves a janitor behind, which removes the record
 * when the supervisor has ended.
 */
enum supervised_flags {
	SUPERVISED_ATTACH = 1 << 0, /* make a connection for this process, from the first byte */
	SUPERVISED_FRESH = 1 << 1,  /* `run`: a container that does not start is removed */
};

struct supervised {
	int sock;     /* the connection, or -1 */
	int done_fd;  /* end of file: supervisor and janitor have ended */
	int state_fd; /* what becomes the record's state at its end, however soon that is removed */
};

#define SUPERVISED_NONE                                   \
	(struct supervised)                               \
	{                                                 \
		.sock = -1, .done_fd = -1, .state_fd = -1 \
	}

/* 0: the program in the container runs. The lock of `l` is the child's from then on. */
int supervised_start(struct launch *l, enum supervised_flags flags, struct supervised *ret,
		     struct error *err) _nodiscard_;
/* Wait until supervisor and janitor have ended. Then the state that the container ended with;
 * -errno: the supervisor was killed before it had one. */
int supervised_wait(struct supervised *s, struct container_state *ret) _nodiscard_;
/* Be its client (SUPERVISED_ATTACH) until it has ended, and tell how: the status to end with. With
 * `input` our standard input is its own, where it has one. */
int supervised_attach(struct supervised *s, const struct launch *l, bool input,
		      struct error *err) _nodiscard_;
void supervised_done(struct supervised *s); /* for _cleanup_() too */
