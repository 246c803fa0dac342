/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * Whether systemd ends what is in a cgroup when its user logs out: below user@UID.service unless
 * the user lingers; in the scope of a login where logind's configuration says so. What is in a
 * service of the user's ends with that one already.
 */
enum logout_place {
	LOGOUT_STAYS,
	LOGOUT_MANAGER, /* user@UID.service */
	LOGOUT_SESSION, /* session-N.scope */
	LOGOUT_UNIT,	/* a service below user@UID.service: with that, whoever lingers */
};

/* -EOPNOTSUPP with D-22 and why: it ends. 0: it stays. path: below the cgroup mount; NULL: where
 * this process is. */
int logout_check(const char *path, struct error *err) _nodiscard_;

/* -EOPNOTSUPP with D-22: what this user starts in such a place ends. */
int logout_check_place(enum logout_place place, uid_t uid, struct error *err) _nodiscard_;

enum {
	LOGOUT_UNIT_MAX = 256,
};

/* The two below are pure. ret_uid is set unless the place is LOGOUT_STAYS, and unit, which may be
 * NULL, where it is LOGOUT_UNIT. */
enum logout_place logout_place(const char *path, uid_t *ret_uid, char unit[LOGOUT_UNIT_MAX]);

/* logind's configuration, as far as it speaks of what sessions leave. */
struct logout_conf {
	bool kill;	   /* KillUserProcesses= */
	char only[512];	   /* KillOnlyUsers=, if there are any */
	char exclude[512]; /* KillExcludeUsers= */
};

/* The text of one file after those before it: a later one wins, an empty list begins anew. */
void logout_conf_parse(const char *text, struct logout_conf *conf);
bool logout_conf_kills(const struct logout_conf *conf, const char *user);
