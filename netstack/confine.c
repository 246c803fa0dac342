/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "confine.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/sandbox.h"
#include "netresolv_filter.h"
#include "netstack_filter.h"

enum {
	/* Far above what the flow limits add up to: a leak in libslirp ends the stack, not the
	 * host. Not for sanitizers, which reserve terabytes. */
	ADDRESS_SPACE_MAX = 1 << 30,
};

static int set_limit(int resource, rlim_t value, struct error *err)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return error_sys(err, "get resource limit %d", resource);
	if (value > now.rlim_max)
		value = now.rlim_max;
	now = (struct rlimit){ .rlim_cur = value, .rlim_max = value };
	if (setrlimit(resource, &now) < 0)
		return error_sys(err, "set resource limit %d", resource);
	return 0;
}

static int load_filter(const struct sock_filter *filter, size_t n, struct error *err)
{
	/* Not dumpable: other processes of the user, a container's root among them, share our
	 * kernel uid. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_sys(err, "set PR_SET_DUMPABLE");
	return sandbox_filter_unsanitized(filter, n, err);
}

int confine_stack(unsigned max_fds, struct error *err)
{
	int r;

	r = sandbox_empty_root(err);
	if (r < 0)
		return r;
	r = sandbox_caps(err);
	if (r < 0)
		return r;
	r = set_limit(RLIMIT_NOFILE, max_fds, err);
	if (r < 0)
		return r;
	r = set_limit(RLIMIT_CORE, 0, err);
	if (r < 0)
		return r;
#ifndef __SANITIZE_ADDRESS__
	r = set_limit(RLIMIT_AS, ADDRESS_SPACE_MAX, err);
	if (r < 0)
		return r;
#endif
	return load_filter(netstack_filter, ARRAY_SIZE(netstack_filter), err);
}

int confine_reader(void)
{
	struct error err;
	int r;

	r = sandbox_caps(&err);
	if (r < 0)
		return r;
	return load_filter(netresolv_filter, ARRAY_SIZE(netresolv_filter), &err);
}
