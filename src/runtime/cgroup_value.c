/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/cgroup_value.h"

#include <errno.h>
#include <inttypes.h>

#include "base/str.h"

enum {
	SHARES_MAX = 262144,
	WEIGHT_DEFAULT = 100,
	WEIGHT_MAX = 10000,
};

uint32_t cgroup_weight_of_shares(uint64_t shares)
{
	uint64_t weight;

	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	weight = (shares * WEIGHT_DEFAULT + CGROUP_SHARES_DEFAULT / 2) / CGROUP_SHARES_DEFAULT;
	if (weight < 1)
		return 1;
	return weight > WEIGHT_MAX ? WEIGHT_MAX : (uint32_t)weight;
}

uint32_t cgroup_io_weight(uint32_t blkio_weight)
{
	return blkio_weight <= 10 ? 1 : 1 + (blkio_weight - 10) * 9999 / 990;
}

int cgroup_cpu_max(uint64_t quota_us, uint64_t period_us, char buf[CGROUP_VALUE_MAX])
{
	if (!period_us)
		period_us = CGROUP_PERIOD_US;
	if (!quota_us)
		return str_print(buf, CGROUP_VALUE_MAX, "max %" PRIu64, period_us);
	return str_print(buf, CGROUP_VALUE_MAX, "%" PRIu64 " %" PRIu64, quota_us, period_us);
}

int cgroup_swap_max(uint64_t memory, int64_t memory_swap, char buf[CGROUP_VALUE_MAX])
{
	if (memory_swap < 0)
		return str_copy(buf, CGROUP_VALUE_MAX, "max");
	if (memory_swap == 0)
		return str_print(buf, CGROUP_VALUE_MAX, "%" PRIu64, memory);
	if ((uint64_t)memory_swap < memory)
		return -EINVAL;
	return str_print(buf, CGROUP_VALUE_MAX, "%" PRIu64, (uint64_t)memory_swap - memory);
}

int cgroup_count_max(int64_t n, char buf[CGROUP_VALUE_MAX])
{
	if (n < 0)
		return str_copy(buf, CGROUP_VALUE_MAX, "max");
	return str_print(buf, CGROUP_VALUE_MAX, "%" PRId64, n);
}
