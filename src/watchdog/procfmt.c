/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "watchdog/procfmt.h"

#include <errno.h>
#include <string.h>

static int number(const char **s, const char *end, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;

	while (p < end && *p == ' ')
		p++;
	if (p == end || *p < '0' || *p > '9')
		return -EINVAL;
	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		if (v > (UINT64_MAX - 9) / 10)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	*s = p;
	*ret = v;
	return 0;
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

int procfmt_stat(const char *s, size_t n, struct procfmt_stat *ret)
{
	const char *end = s + n, *p = memrchr(s, ')', n);
	struct procfmt_stat st;
	uint64_t skipped;

	/* ") S PPID PGRP SESSION TTY TPGID FLAGS"; tpgid may be -1. */
	if (!p || end - p < 4)
		return -EINVAL;
	st.state = p[2];
	p += 3;
	if (number(&p, end, &st.parent) < 0)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		while (p < end && (*p == ' ' || *p == '-'))
			p++;
		if (number(&p, end, &skipped) < 0)
			return -EINVAL;
	}
	if (number(&p, end, &st.flags) < 0)
		return -EINVAL;
	*ret = st;
	return 0;
}
