/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "watchdog/procfmt.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

static int number(const char **s, const char *end, uint64_t *ret)
{
	while (*s < end && **s == ' ')
		(*s)++;
	return num_scan(s, end, ret);
}

int procfmt_statm(const char *s, size_t n, uint64_t *ret_size, uint64_t *ret_resident)
{
	const char *end = s + n;
	uint64_t size, resident;

	if (number(&s, end, &size) < 0 || number(&s, end, &resident) < 0)
		return -EINVAL;
	*ret_size = size;
	*ret_resident = resident;
	return 0;
}

static int kib_of(const char *s, size_t n, const char *key, uint64_t *ret)
{
	const char *p = memmem(s, n, key, strlen(key));
	uint64_t kib;

	if (!p)
		return -EINVAL;
	p += strlen(key);
	/* Two of them are added. */
	if (number(&p, s + n, &kib) < 0 || kib > UINT64_MAX / 2 / 1024)
		return -EINVAL;
	*ret = kib * 1024;
	return 0;
}

int procfmt_pss(const char *s, size_t n, uint64_t *ret)
{
	uint64_t anon, shmem;

	if (kib_of(s, n, "\nPss_Anon:", &anon) < 0 || kib_of(s, n, "\nPss_Shmem:", &shmem) < 0)
		return kib_of(s, n, "\nPss:", ret);
	*ret = anon + shmem;
	return 0;
}
