/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/cgroup_value.h"

#include <errno.h>
#include <inttypes.h>

#include "base/str.h"

enum {
	FRACTION = 28, /* bits behind the point */
	SHARES_MAX = 262144,
	WEIGHT_MAX = 10000,
};

#define ONE (UINT64_C(1) << FRACTION)
/* log2(10) in that form */
#define LOG2_10 UINT64_C(891723283)

/* log2 of v >= 1 in fixed point, bit by bit: libm would cost every start of carrel its loading. */
static uint64_t log2_fixed(uint32_t v)
{
	unsigned whole = 31 - (unsigned)__builtin_clz(v);
	uint64_t m = (uint64_t)v << (31 - whole); /* 1 <= m < 2, 31 bits behind the point */
	uint64_t result = (uint64_t)whole << FRACTION;

	for (uint64_t bit = ONE / 2; bit; bit /= 2) {
		m = m * m >> 31;
		if (m >> 32) {
			m /= 2;
			result += bit;
		}
	}
	return result;
}

uint32_t cgroup_weight_of_shares(uint64_t shares)
{
	uint32_t low = 1, high = WEIGHT_MAX;
	uint64_t l, right;

	if (shares <= 2)
		return 1;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	l = log2_fixed((uint32_t)shares);
	/* 612 log10(w) >= l^2 + 125 l - 126, both sides times log2(10) / 612; the shifts keep each
	 * product below 2^64. */
	right = ((l >> 2) * (l >> 2) >> (FRACTION - 4)) + 125 * l - 126 * ONE;
	right = (right >> 6) * LOG2_10 / 612 >> (FRACTION - 6);
	/* The smallest weight that reaches it; a hair below counts, or 1024 were 101. */
	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (log2_fixed(mid) + 16 >= right)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
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
