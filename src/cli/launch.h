/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/ctrconf.h"
#include "cli/enforce.h"
#include "cli/here.h"
#include "net/net.h"
#include "runtime/cgroup.h"
#include "runtime/ctr.h"
#include "storage/container.h"

/*
 * From a record to a running pid 1, in two steps: launch_prepare() on the host side, with the
 * user's rights only, opens whatever the user or the record names; launch_start() moves the
 * calling process into the outer user namespace, for good, and starts the container as its child.
 */
struct launch {
	struct cli *cli;
	struct store *store;
	struct container *ctr;
	const struct ctrconf *rec;
	bool strict;   /* --strict: no lesser way that only warns */
	bool detached; /* its caller goes away: it is told where systemd would end it then */
	int lock_fd;   /* for life; inherited by whoever supervises */

	/* What launch_prepare() finds. */
	struct idmap map;
	int libexec_fd;
	struct strv argv, env;
	int *lower_fds;
	unsigned n_lowers;
	struct ctr_mount *mounts;
	struct cgroup *cgroup; /* with limits, where there is a delegation: launch_start() */
	char *resolv_conf, *hosts, *hostname, *hostname_file;
	struct ctr_hide *hidden; /* with binds only; owns path and fd */
	unsigned n_hidden;
	unsigned n_layers; /* of the image, each once */
	unsigned n_single; /* layers that were unpacked for one id, where the files promise more */
	struct ctr_here here;
	struct here_lines here_lines;
	bool ids_told;	  /* the warning of a map with one id was printed; in and out */
	enum dcode why;	  /* why there is one, of an earlier try that has moved us into U */
	bool limits_told; /* the warnings of limits were printed; in, and out where we start it */
	bool layer_lost;  /* why it failed: a pull would bring it */
};

/* With --strict: owners of what the container wrote are gone, which no pull brings. */
#define LAUNCH_UPPER_LOST (-EOWNERDEAD)

/* A running container, for the process that is its parent. */
struct launched {
	struct ctr ctr;
	struct net_helper net;
	struct enforce enforce;
	bool has_net;
};

int launch_prepare(struct launch *l, struct error *err) _nodiscard_;
/* stdio: ignored with a tty. On failure the record stays: launch_remove() or the caller's state. */
int launch_start(struct launch *l, const int stdio[3], unsigned short rows, unsigned short cols,
		 struct launched *ret, struct error *err) _nodiscard_;
void launched_done(struct launched *d);
/* After the end of our own child: say it where something in it was killed for its memory limit. */
void launch_tell_oom(const struct launch *l, const struct launched *d);
/* After the end of a supervised one, by the state that it ended with: that, and warnings about what
 * it has lost while it ran, and about set-id files that a kept one has after it ran with one id. */
void launch_tell_end(const struct launch *l, const struct container_state *st);
/* The container has ended, and its parent is at its last steps: remove its cgroup. */
void launch_end_cgroup(struct launch *l);

/* Remove the record and its upper directory. Inside U the files go at once (in 100 ms), outside
 * they wait in trash/ for the next command that is. */
int launch_remove(struct store *s, struct container *ctr, struct error *err) _nodiscard_;

void launch_done(struct launch *l); /* for _cleanup_() too; the lock is closed, too */
