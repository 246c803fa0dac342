/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/dcode.h"
#include "base/error.h"
#include "base/mem.h"

/*
 * The verdict on each limit that was asked for: what, how much, and by what it is held. Filled at
 * each start by whoever enforces, kept as containers/<id>/enforced (doc/format-store.md), read by
 * `explain`.
 */
enum {
	ENFORCED_FILE_MAX = 64 << 10, /* 180 rows; a device each: LIMITS_THROTTLES_MAX */
};

struct enforced_row {
	char what[32];	  /* the option without its dashes: "memory" */
	char asked[64];	  /* "64 MiB" */
	char by[32];	  /* "cgroup v2", "watchdog", "RLIMIT_NPROC", "nice", "nothing", ... */
	char detail[192]; /* how, or what is lost; may be empty */
	enum dcode dcode; /* why not the real thing; DCODE_NONE where it is held as asked */
};

struct enforced {
	struct enforced_row *rows;
	size_t n, cap;
};

void enforced_done(struct enforced *e); /* for _cleanup_() too */

/* Texts that are too long are cut: it is for people. */
void enforced_add(struct enforced *e, const char *what, const char *asked, const char *by,
		  enum dcode dcode, const char *detail, ...) __attribute__((format(printf, 6, 7)));

/* A copy of a row. */
void enforced_put(struct enforced *e, const struct enforced_row *row);

/* The row of an option, or NULL. */
const struct enforced_row *enforced_find(const struct enforced *e, const char *what);

/* containers/<id>/enforced. Reading: -ENOENT where nothing was asked for at the last start. */
int enforced_write(int ctr_dirfd, const struct enforced *e, struct error *err) _nodiscard_;
int enforced_read(int ctr_dirfd, struct enforced *ret, struct error *err) _nodiscard_;
/* The pure half, -errno. */
int enforced_parse(const char *text, size_t len, struct enforced *ret) _nodiscard_;
