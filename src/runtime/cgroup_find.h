/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cgroupfs.h"
#include "base/error.h"
#include "base/mem.h"

/* Controllers, as a set. */
enum cgroup_controller {
	CGROUP_MEMORY = 1 << 0,
	CGROUP_CPU = 1 << 1,
	CGROUP_PIDS = 1 << 2,
	CGROUP_CPUSET = 1 << 3,
	CGROUP_IO = 1 << 4,
};

/* "memory" */
const char *cgroup_controller_name(enum cgroup_controller one);
/* The set in the text of cgroup.controllers or cgroup.subtree_control. */
unsigned cgroup_controllers(const char *text);
/* "cpu memory pids" into buf. Returns buf. */
char *cgroup_controllers_text(unsigned set, char buf[64]);

/* A cgroup that a container's can be made in. */
struct cgroup_place {
	int fd;		 /* -1 = none */
	bool own;	 /* this process is in it, and has to leave it for a leaf first */
	bool scope;	 /* it was made around this process alone, and ends with it */
	unsigned offers; /* controllers of those wanted that its children have, or can be given */
	char path[CGROUPFS_PATH_MAX];
};

/*
 * Where cgroups can be made, without a change to anything: the configured subtree, else the own
 * cgroup or one above it that belongs to the user. The best for `want`; offers is 0 where there is
 * none that has one of them. -EOPNOTSUPP with D-08 and the reason: there is none at all.
 */
int cgroup_find(unsigned want, struct cgroup_place *ret, struct error *err) _nodiscard_;
/* The cgroup of this process alone, which was just delegated to it by a scope. */
int cgroup_find_own(unsigned want, struct cgroup_place *ret, struct error *err) _nodiscard_;

/* The path in the text of /proc/PID/cgroup below the mount; -ENODATA: none that can be seen. */
int cgroup_own_path(const char *text, char buf[CGROUPFS_PATH_MAX]) _nodiscard_;
/* Does the user's systemd manage it, and not give it away? Then what we do there is undone at any
 * time. delegated: does the cgroup with that many bytes of the path have the mark. */
bool cgroup_is_managed(const char *path, bool (*delegated)(size_t len, void *data), void *data);
