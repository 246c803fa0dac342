/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"
#include "runtime/idmap.h"
#include "runtime/inside.h"
#include "runtime/rootcaller.h"

/*
 * Move this single-threaded process into a new U with its own copy of the host's mounts (rslave),
 * and become its root with all capabilities over it. newuidmap and newgidmap run in parallel, by
 * absolute path and with an empty environment. Where they are not there or fail, the map becomes
 * a single one and says why; this is the only place that knows. Not reversible; nothing to do where
 * the process is in a U already (a helper that another carrel process started there). D-01, D-02,
 * D-11.
 */
int userns_enter(struct idmap *map, struct error *err) _nodiscard_;

/*
 * Into the U of another process instead: pid, which pidfd pins, is to be one of this user's that is
 * in a U made right below the present namespace, with this map and these resource limits. No
 * newuidmap, a fifth of the time. 1: done, in a mount namespace of its own; 0: it is not so, and
 * nothing has changed.
 */
int userns_join(int pidfd, pid_t pid, const struct idmap *map, struct error *err) _nodiscard_;
/*
 * A first step of both. Where nobody else lives in the old mount namespace it would end with our
 * leaving it, and descriptors into its mounts would lose their paths (mnt_reopen()): a
 * descriptor holds it for good.
 */
void userns_hold_mounts(void);
/* The last step of both. */
int userns_become_root(struct error *err) _nodiscard_;

/* The map that userns_enter() would end with, found by a child that does it. */
int userns_try(struct idmap *ret, struct error *err) _nodiscard_;

#define USERNS_SINGLE_TEXT "root inside is you; other ids of the image belong to you"

/* The one warning of a command that works with one id; nothing where the map is a full one. */
void userns_warn_single(const struct idmap *map);
/* --strict: -EPERM where there is one id only, found by doing. */
int userns_need_full(struct error *err) _nodiscard_;

/* Write the map of a nested N (a child that waits for it): U's extents repeated. With one id in U,
 * it is called uid and gid inside. */
int userns_map_nested(pid_t pid, const struct idmap *map, uid_t uid, gid_t gid,
		      struct error *err) _nodiscard_;
