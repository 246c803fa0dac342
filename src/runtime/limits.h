/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What was asked of a container's resources, resolved but not yet judged: cgroup.h and
 * src/cli/enforce.h find who can hold it. 0 and NULL: not asked.
 */
enum limits_throttle_kind {
	LIMITS_READ_BPS,
	LIMITS_WRITE_BPS,
	LIMITS_READ_IOPS,
	LIMITS_WRITE_IOPS,
	LIMITS_THROTTLE_KINDS,
};

struct limits_throttle {
	enum limits_throttle_kind kind;
	char *device;  /* path of the block device: its number may be another one after a reboot */
	uint64_t rate; /* bytes or operations a second, never 0 */
};

struct limits {
	uint64_t memory;     /* bytes */
	int64_t memory_swap; /* memory and swap together, as docker has it; -1 unlimited */
	uint64_t memory_reservation;
	uint64_t nano_cpus; /* --cpus as it was asked; quota and period below say the same */
	uint64_t cpu_quota_us,
		cpu_period_us;		 /* a quota has a period; one alone limits nothing yet */
	uint64_t cpu_shares;		 /* 2 to 262144, 1024 is everybody's */
	char *cpuset_cpus, *cpuset_mems; /* "0-2,4", checked */
	int64_t pids;			 /* -1 unlimited */
	uint32_t blkio_weight;		 /* 10 to 1000 */
	struct limits_throttle *throttles;
	size_t n_throttles, cap_throttles;
};

enum {
	LIMITS_THROTTLES_MAX = 64,
	LIMITS_SHARES_USUAL = 1024,
};

/* By which option CPU time is limited: "cpus", "cpu-quota" or "cpu-period". */
const char *limits_time_name(const struct limits *l);
/* Is there one that somebody must enforce? "Unlimited" is none. */
bool limits_any(const struct limits *l);
void limits_done(struct limits *l); /* for _cleanup_() too */
/* Takes the string. */
void limits_add_throttle(struct limits *l, const struct limits_throttle *t);
/* "device-read-bps": the option without its dashes. */
const char *limits_throttle_name(enum limits_throttle_kind kind);
