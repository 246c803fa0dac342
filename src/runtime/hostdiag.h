/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"

/*
 * Why the host refused: turns a failed step into a D-nn by reading the switches that can be behind
 * it. All return the negative errno that they were given (or a fitting one) with err set.
 */

/* unshare(CLONE_NEWUSER) failed with r. D-01, D-02, D-11. */
int hostdiag_userns(int r, struct error *err);

/* newuidmap or newgidmap ended with status and said `said`. D-03, D-04, D-05, D-24. */
int hostdiag_idmap(const char *program, int status, const char *said, struct error *err);

/* What to do about D-05 where this process is the one that has met it. */
const char *hostdiag_newidmap_fix(void);
/* error_host() of the reason why there is one id only. */
void hostdiag_one_id(enum dcode why, struct error *err);

/* The user namespace was made, but gives no right to mount. D-02. */
int hostdiag_no_power(int r, struct error *err);
