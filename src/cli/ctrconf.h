/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "runtime/ctr.h"
#include "runtime/limits.h"

/*
 * What a container is, resolved and complete: the `config` document of its record, written once
 * when it is made. `start` launches from it alone, `inspect` shows it (doc/format-store.md).
 */
enum {
	CTRCONF_VERSION = 2, /* 1 had no limits; what has none is still written as 1 */
	CTRCONF_SIZE_MAX = 4 << 20,
	CTRCONF_ITEMS_MAX = 8192, /* entries of each list */
};

struct ctrconf_mount {
	enum ctr_mount_kind kind;
	enum ctr_mount_flags flags;
	char *source; /* canonical path, "" for tmpfs */
	char *target;
	char *options; /* tmpfs, else "" */
};

struct ctrconf {
	char *image;	/* as it was asked for */
	char *image_id; /* config digest, "sha256:..." */
	char *user, *cwd, *stop_signal;
	char *hostname;		/* "" = the short id */
	char *here_home;	/* with `here`: the home directory inside */
	struct strv layers;	/* diff-ids, hex, bottom first */
	struct strv entrypoint; /* with cmd: what pid 1 executes */
	struct strv cmd;
	struct strv env;
	struct strv labels;	       /* "name=value" */
	struct strv cap_add, cap_drop; /* as asked; `caps` is the outcome */
	struct strv volumes;	       /* the image's: directories that are to be there */
	struct ctrconf_mount *mounts;
	size_t n_mounts, cap_mounts;
	uint64_t caps;
	struct limits limits;
	struct strv ulimits;   /* "nofile=1024:2048" */
	uint64_t shm_size;     /* bytes; 0 = docker's 64 MiB */
	int64_t oom_score_adj; /* where it was asked for; else as the caller's */
	enum net_mode net;
	bool tty, open_stdin, remove, init, read_only, no_new_privs, seccomp_off;
	bool here, user_asked, real_ids, oom_asked;
};

void ctrconf_done(struct ctrconf *rec); /* for _cleanup_() too */
void ctrconf_add_mount(struct ctrconf *rec, const struct ctrconf_mount *m); /* takes the strings */

void ctrconf_format(const struct ctrconf *rec, struct str_buf *out);
/* The one of the image; SIGTERM where none is on record. */
int ctrconf_stop_signal(const struct ctrconf *rec, int *ret, struct error *err) _nodiscard_;
int ctrconf_parse(const char *text, size_t len, struct ctrconf *ret, struct error *err) _nodiscard_;

const char *net_mode_name(enum net_mode mode);
int net_mode_parse(const char *s, enum net_mode *ret, struct error *err) _nodiscard_;
