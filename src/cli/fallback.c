/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/fallback.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "runtime/cgroup_find.h"
#include "watchctl.h"

enum {
	KERNEL_COUNTS_IN_USERNS = 5 * 1000 + 14, /* RLIMIT_NPROC by user namespace */
	IO_LEVELS = 8,
	NICE_MAX = 19,
	BLKIO_WEIGHT_MAX = 1000,
};

struct decision {
	const struct limits *limits;
	enum dcode why;
	struct enforced *rows;
	struct fallback *out;
};

char *fallback_size(uint64_t bytes, char buf[32])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	for (; i + 1 < ARRAY_SIZE(units) && bytes && bytes % 1024 == 0; i++)
		bytes /= 1024;
	(void)snprintf(buf, 32, "%" PRIu64 " %s", bytes, units[i]);
	return buf;
}

static const char nobody[] = "nothing";

static void memory(struct decision *d, const char *what)
{
	char size[32];
	bool pss = access("/proc/self/smaps_rollup", R_OK) == 0;

	if (!d->limits->memory)
		return;
	d->out->watch_memory = d->limits->memory;
	enforced_add(d->rows, what, fallback_size(d->limits->memory, size), "watchdog", d->why,
		     "it adds up the %s of all processes every %d to %d ms and kills the container "
		     "past the limit; files in memory count only where they are mapped",
		     pss ? "PSS (without files of a disk)" : "RSS", WATCH_INTERVAL_MIN_MS,
		     WATCH_INTERVAL_MAX_MS);
}

static void memory_swap(struct decision *d, const char *what)
{
	char size[32];

	if (d->limits->memory_swap > 0)
		enforced_add(d->rows, what, fallback_size((uint64_t)d->limits->memory_swap, size),
			     nobody, d->why, "only a cgroup counts swap");
}

static void memory_reservation(struct decision *d, const char *what)
{
	char size[32];

	if (d->limits->memory_reservation)
		enforced_add(d->rows, what, fallback_size(d->limits->memory_reservation, size),
			     nobody, d->why, "only a cgroup knows when memory is short");
}

static void cpu_time(struct decision *d, const char *what)
{
	const struct limits *l = d->limits;
	char text[48];

	if ((!l->cpu_quota_us && !l->cpu_period_us) || !str_eq(what, limits_time_name(l)))
		return;
	if (!l->cpu_quota_us)
		(void)snprintf(text, sizeof(text), "%" PRIu64, l->cpu_period_us);
	else if (l->nano_cpus)
		(void)snprintf(text, sizeof(text), "%.15g", (double)l->nano_cpus / 1e9);
	else
		(void)snprintf(text, sizeof(text), "%" PRIu64 "/%" PRIu64, l->cpu_quota_us,
			       l->cpu_period_us);
	enforced_add(d->rows, what, text, nobody, d->why, "only a cgroup takes CPU time away");
}

/*
 * The kernel's weights of nice 0 to 19 (sched_prio_to_weight), which are out of 1024 as well.
 * Beside the caller's own programs: under nice(1) they begin at another number, and nobody gets
 * back below.
 */
static int nice_of(uint64_t shares)
{
	static const int weights[] = { 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
				       110,  87,  70,  56,  45,	 36,  29,  23,	18,  15 };
	int nice = 0;

	while (nice + 1 < (int)ARRAY_SIZE(weights) && weights[nice] > (int)shares)
		nice++;
	nice += getpriority(PRIO_PROCESS, 0);
	return nice < NICE_MAX ? nice : NICE_MAX;
}

static void cpu_shares(struct decision *d, const char *what)
{
	uint64_t shares = d->limits->cpu_shares;
	char text[32];

	if (!shares || shares == LIMITS_SHARES_USUAL)
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu64, shares);
	if (shares > LIMITS_SHARES_USUAL) {
		enforced_add(d->rows, what, text, nobody, d->why,
			     "a user can lower the priority of his processes, not raise it");
		return;
	}
	d->out->tune.flags |= TUNE_NICE;
	d->out->tune.nice = nice_of(shares);
	enforced_add(d->rows, what, text, "nice", d->why,
		     "nice %d for each of its processes, not a share of the container",
		     d->out->tune.nice);
}

static void cpuset(struct decision *d, const char *what)
{
	bool cpus = str_eq(what, "cpuset-cpus");
	const char *list = cpus ? d->limits->cpuset_cpus : d->limits->cpuset_mems;

	/* A record of ours: what is no list was refused when it was made. */
	if (!list || cpulist_parse(list, cpus ? &d->out->tune.cpus : &d->out->tune.mems) < 0)
		return;
	d->out->tune.flags |= cpus ? TUNE_CPUS : TUNE_MEMS;
	enforced_add(d->rows, what, list, cpus ? "affinity" : "memory policy", d->why,
		     "a program inside may take it back");
}

static bool kernel_counts(void)
{
	struct utsname u;

	return uname(&u) == 0 && num_release(u.release) >= KERNEL_COUNTS_IN_USERNS;
}

static void pids(struct decision *d, const char *what)
{
	char text[32];

	if (d->limits->pids <= 0)
		return;
	(void)snprintf(text, sizeof(text), "%" PRId64, d->limits->pids);
	if (!kernel_counts()) {
		enforced_add(d->rows, what, text, nobody, d->why,
			     "before Linux 5.14 RLIMIT_NPROC counts all processes of the user");
		return;
	}
	d->out->max_processes = (uint64_t)d->limits->pids;
	enforced_add(d->rows, what, text, "RLIMIT_NPROC", d->why,
		     "of the container's user namespace, all its users together");
}

static void blkio_weight(struct decision *d, const char *what)
{
	uint32_t weight = d->limits->blkio_weight;
	int level = IO_LEVELS - 1 - (int)(weight * IO_LEVELS / (BLKIO_WEIGHT_MAX + 1));
	char text[32];

	if (!weight)
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu32, weight);
	d->out->tune.flags |= TUNE_IO;
	d->out->tune.io_level = level;
	enforced_add(d->rows, what, text, "ionice", d->why,
		     "best effort %d; schedulers other than bfq hardly look at it", level);
}

/* As many of them as a row holds, and how many more there are. */
static void throttles(struct decision *d, const char *what)
{
	enum { REST = sizeof(", 64 more") }; /* LIMITS_THROTTLES_MAX */
	char text[sizeof(d->rows->rows->asked)] = "";
	size_t len = 0;
	unsigned more = 0;

	for (size_t i = 0; i < d->limits->n_throttles; i++) {
		const struct limits_throttle *t = &d->limits->throttles[i];

		if (!str_eq(limits_throttle_name(t->kind), what))
			continue;
		if (more || str_print(text + len, sizeof(text) - REST - len, "%s%s:%" PRIu64,
				      len ? "," : "", t->device, t->rate) < 0) {
			text[len] = '\0';
			more++;
		}
		len = strlen(text);
	}
	if (more)
		(void)snprintf(text + len, sizeof(text) - len, "%s%u %s", len ? ", " : "", more,
			       len ? "more" : "devices");
	if (*text)
		enforced_add(d->rows, what, text, nobody, d->why,
			     "only a cgroup slows a device down");
}

static const struct {
	const char *what;
	enum cgroup_controller controller;
	void (*decide)(struct decision *d, const char *what);
} table[] = {
	{ "memory", CGROUP_MEMORY, memory },
	{ "memory-swap", CGROUP_MEMORY, memory_swap },
	{ "memory-reservation", CGROUP_MEMORY, memory_reservation },
	{ "cpus", CGROUP_CPU, cpu_time },
	{ "cpu-quota", CGROUP_CPU, cpu_time },
	{ "cpu-period", CGROUP_CPU, cpu_time },
	{ "cpu-shares", CGROUP_CPU, cpu_shares },
	{ "cpuset-cpus", CGROUP_CPUSET, cpuset },
	{ "cpuset-mems", CGROUP_CPUSET, cpuset },
	{ "pids-limit", CGROUP_PIDS, pids },
	{ "blkio-weight", CGROUP_IO, blkio_weight },
	{ "device-read-bps", CGROUP_IO, throttles },
	{ "device-write-bps", CGROUP_IO, throttles },
	{ "device-read-iops", CGROUP_IO, throttles },
	{ "device-write-iops", CGROUP_IO, throttles },
};

void fallback_decide(const struct limits *l, enum dcode why, unsigned offers, struct enforced *rows,
		     struct fallback *ret)
{
	struct decision d = { .limits = l, .why = why, .rows = rows, .out = ret };

	*ret = (struct fallback){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!(offers & table[i].controller) && !enforced_find(rows, table[i].what))
			table[i].decide(&d, table[i].what);
}
