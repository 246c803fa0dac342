/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/limits.h"

#include <stdlib.h>

#include "base/mem.h"

static const char *const throttle_names[LIMITS_THROTTLE_KINDS] = {
	[LIMITS_READ_BPS] = "device-read-bps",
	[LIMITS_WRITE_BPS] = "device-write-bps",
	[LIMITS_READ_IOPS] = "device-read-iops",
	[LIMITS_WRITE_IOPS] = "device-write-iops",
};

bool limits_any(const struct limits *l)
{
	return l->memory || l->memory_swap > 0 || l->memory_reservation || l->cpu_quota_us ||
	       l->cpu_period_us || l->cpu_shares || l->cpuset_cpus || l->cpuset_mems ||
	       l->pids > 0 || l->blkio_weight || l->n_throttles;
}

const char *limits_time_name(const struct limits *l)
{
	if (l->nano_cpus)
		return "cpus";
	return l->cpu_quota_us ? "cpu-quota" : "cpu-period";
}

void limits_done(struct limits *l)
{
	for (size_t i = 0; i < l->n_throttles; i++)
		free(l->throttles[i].device);
	free(l->throttles);
	free(l->cpuset_cpus);
	free(l->cpuset_mems);
	*l = (struct limits){ 0 };
}

void limits_add_throttle(struct limits *l, const struct limits_throttle *t)
{
	l->throttles =
		array_grow(l->throttles, l->n_throttles, &l->cap_throttles, sizeof(*l->throttles));
	l->throttles[l->n_throttles++] = *t;
}

const char *limits_throttle_name(enum limits_throttle_kind kind)
{
	return throttle_names[kind];
}
