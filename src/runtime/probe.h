/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/dcode.h"
#include "base/error.h"

/*
 * What this host lets us do, found out by doing it: each probe runs in a child of its own, which
 * may enter namespaces, mount and be killed after PROBE_TIMEOUT_MS without harm to the caller.
 */
enum probe_level {
	PROBE_OK,
	PROBE_SKIPPED,	/* not tried: what it needs is lost, or there is nothing to try */
	PROBE_DEGRADED, /* works in part, or only by a fallback */
	PROBE_LOST,	/* something does not work at all */
};

/* What the doctor shows together, in this order. */
enum probe_group {
	PROBE_IDENTITY,
	PROBE_KERNEL,
	PROBE_IMAGES,
	PROBE_NETWORK,
	PROBE_LIMITS,
	PROBE_PATHS,
	PROBE_GROUPS_N,
};

enum probe_flags {
	PROBE_QUIET = 1 << 0, /* told to people only where something is missing */
};

enum {
	PROBE_DETAIL_MAX = 400,
	PROBE_FACTS_MAX = 600,
	PROBE_INSTEAD_MAX = 160,
	PROBE_TIMEOUT_MS = 10000,
};

struct probe_result {
	enum probe_level level;
	enum dcode dcode;
	char detail[PROBE_DETAIL_MAX]; /* what was seen; the cause where level is not PROBE_OK */
	char facts[PROBE_FACTS_MAX];   /* members of a JSON object, without its braces */
	/* Truer here than what the row of the code says of all hosts; "" = that. */
	char instead[PROBE_INSTEAD_MAX], fix[ERROR_HINT_MAX];
	bool untried; /* PROBE_SKIPPED for want of something, and not because there is no need */
	bool quiet;   /* PROBE_OK, and nothing to tell people about */
	bool lacks;   /* PROBE_OK, but the detail names something that is not there */
};

struct probe_host {
	const char *store; /* the store's path; it need not exist. NULL: none can be named */
};

/*
 * A row. Rows that need what no row gave are skipped; so may be one that finds
 * nothing to look at. One whose gives another row gives too (a fallback that works) is degraded
 * where it would be lost.
 */
struct probe {
	const char *name; /* "user namespace" */
	const char *key;  /* "userns", for --json; rows of base/dcode.c name it */
	enum probe_group group;
	enum probe_flags flags;
	unsigned needs, gives; /* bits of NEEDS_* in probe.c */
	/* In the child. 0 with *ret filled, or -errno with err set: then lost, by err's dcode. */
	int (*run)(const struct probe_host *host, struct probe_result *ret, struct error *err);
};

/* The rows in the order in which they are run and shown. */
const struct probe *probe_table(size_t *ret_n);

/* The row that has the finding where a probe could not even be started. */
#define PROBE_STARTING "nproc"

/* One result per row into ret[] of that many elements. */
void probe_run_all(const struct probe_host *host, struct probe_result *ret);

/* One alone, by its key, whatever it needs. */
void probe_run(const char *key, const struct probe_host *host, struct probe_result *ret);
