/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/account.h"
#include "base/str.h"
#include "runtime/idmap.h"

int probe_passwd(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(account_done) struct account a = { 0 };
	bool found = account_get(getuid(), &a) == 0;

	(void)h;
	(void)err;
	probe_fact_u64(ret, "uid", getuid());
	if (found)
		probe_fact(ret, "user", a.name);
	if (secure_getenv(IDMAP_MAPPER_ENV))
		probe_say(ret, "called by root, acting as id %u", getuid());
	else if (!found)
		probe_degraded(ret, DCODE_NO_PASSWD, "there is no passwd entry for user id %u",
			       getuid());
	else
		probe_say(ret, "%s (%u)", a.name, getuid());
	return 0;
}

/* A container's processes have the groups of a user of its image; --here keeps the caller's. */
int probe_groups(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(freep) gid_t *groups = xcalloc(NGROUPS_MAX, sizeof(*groups));
	int n = getgroups(NGROUPS_MAX, groups), others = 0;

	(void)h;
	(void)err;
	for (int i = 0; i < n; i++)
		others += groups[i] != getgid();
	probe_fact_u64(ret, "others", (uint64_t)others);
	if (others)
		probe_say(ret, "%d other %s, kept by --here alone", others,
			  others == 1 ? "group" : "groups");
	else
		probe_say(ret, "no other groups");
	ret->quiet = !others;
	return 0;
}
