/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/dcode.h"
#include "base/error.h"

/*
 * What this host lets us do, found out by doing it: each probe runs in a child of its own, which
 * may enter namespaces, mount and be killed after PROBE_TIMEOUT_MS without harm to the caller.
 */
enum probe_level {
	PROBE_OK,
	PROBE_SKIPPED,	/* cannot be tried because an earlier probe found something lost */
	PROBE_DEGRADED, /* works in part, or only by a fallback */
	PROBE_LOST,	/* something does not work at all */
};

enum {
	PROBE_DETAIL_MAX = 400,
	PROBE_TIMEOUT_MS = 10000,
};

struct probe_result {
	enum probe_level level;
	enum dcode dcode;
	char detail[PROBE_DETAIL_MAX]; /* what was seen; the cause where level is not PROBE_OK */
};

struct probe_host {
	const char *store; /* the store's path; it need not exist */
};

struct probe {
	const char *name; /* "user namespace" */
	const char *key;  /* "userns", for --json */
	unsigned needs;	  /* bits of PROBE_NEEDS_* */
	unsigned gives;	  /* bits that are there when this one is not lost */
	/* In the child. 0 with *ret filled, or -errno with err set: then lost, by err's dcode. */
	int (*run)(const struct probe_host *host, struct probe_result *ret, struct error *err);
};

/* The rows in the order in which they are run and shown. */
const struct probe *probe_table(size_t *ret_n);

/* One result per row into ret[] of that many elements. */
void probe_run_all(const struct probe_host *host, struct probe_result *ret);
