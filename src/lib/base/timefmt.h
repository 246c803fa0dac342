/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

#include "base/mem.h"

enum {
	TIMEFMT_MAX = 40,
};

/* RFC 3339 in UTC with nine digits, as docker writes it: 2026-11-24T00:44:15.000000000Z */
char *timefmt_rfc3339(const struct timespec *t, char buf[TIMEFMT_MAX]);
char *timefmt_now(char buf[TIMEFMT_MAX]);
/* With any number of fraction digits and any offset. -EINVAL. */
int timefmt_parse(const char *s, struct timespec *ret) _nodiscard_;
/* docker's words for an age in seconds: "5 seconds", "About a minute", "3 hours", "2 weeks". */
char *timefmt_age(long seconds, char buf[TIMEFMT_MAX]);
