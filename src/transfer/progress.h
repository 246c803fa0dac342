/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "oci/digest.h"

/*
 * What the user sees of a pull, on stderr: on a terminal one line per layer, drawn again as they
 * grow; elsewhere one plain line per event.
 */
enum progress_mode {
	PROGRESS_NONE,
	PROGRESS_PLAIN,
	PROGRESS_TTY,
};

enum {
	PROGRESS_TICK_MS = 100,
};

enum progress_state {
	PROGRESS_WAITING,
	PROGRESS_RUNNING,
	PROGRESS_DONE,
	PROGRESS_EXISTS,
};

struct progress_row {
	struct digest digest;
	uint64_t size, received;
	enum progress_state state;
};

struct progress {
	enum progress_mode mode;
	struct progress_row *rows;
	size_t n;
	size_t drawn;	  /* lines on the terminal that are ours */
	unsigned columns; /* of the terminal when they were drawn */
};

/* "auto" (a terminal that can, else plain), "plain", "none". */
int progress_parse(const char *s, enum progress_mode *ret, struct error *err) _nodiscard_;
void progress_init(struct progress *p, enum progress_mode mode, size_t n);
void progress_done(struct progress *p);
/* A line above the rows: "pulling docker.io/library/debian:12". */
void progress_say(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void progress_set(struct progress *p, size_t row, enum progress_state state);
/* Terminal only. */
void progress_draw(struct progress *p);
