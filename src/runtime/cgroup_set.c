/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/cgroup_set.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/str.h"
#include "runtime/cgroup_find.h"
#include "runtime/cgroup_value.h"

enum {
	ASKED_MAX = sizeof(((struct enforced_row *)0)->asked),
};

struct setter {
	int fd;
	const struct limits *l;
	struct enforced *rows;
	struct error *err;
};

unsigned cgroup_set_needs(const struct limits *l)
{
	return (l->memory || l->memory_swap > 0 || l->memory_reservation ? CGROUP_MEMORY : 0) |
	       (l->cpu_quota_us || l->cpu_period_us || l->cpu_shares ? CGROUP_CPU : 0) |
	       (l->pids > 0 ? CGROUP_PIDS : 0) |
	       (l->cpuset_cpus || l->cpuset_mems ? CGROUP_CPUSET : 0) |
	       (l->blkio_weight || l->n_throttles ? CGROUP_IO : 0);
}

static bool is_word(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

/* In the largest unit that tells it exactly. */
static void size_text(uint64_t n, char buf[ASKED_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	for (; i + 1 < ARRAY_SIZE(units) && n && n % 1024 == 0; i++)
		n /= 1024;
	(void)snprintf(buf, ASKED_MAX, "%" PRIu64 " %s", n, units[i]);
}

/*
 * 1: it is held, and has its row. 0: this cgroup has no such file (no controller, or an old
 * kernel). -errno: the kernel refuses the value.
 */
static int set(struct setter *s, const char *file, const char *value, const char *what,
	       const char *asked)
{
	int r = cgroupfs_write(s->fd, file, value);

	/* A file that is not there is none of ours to make: EACCES or EPERM from the kernel. */
	if (r == -ENOENT || r == -EACCES || r == -EPERM || r == -EOPNOTSUPP)
		return 0;
	if (r < 0) {
		error_code(s->err, r, "--%s %s: write %s of the container's cgroup", what, asked,
			   file);
		return r;
	}
	enforced_add(s->rows, what, asked, "cgroup v2", DCODE_NONE, "%s = %s", file, value);
	return 1;
}

static int set_swap(struct setter *s)
{
	char value[CGROUP_VALUE_MAX], asked[ASKED_MAX];
	const struct limits *l = s->l;
	int r;

	r = cgroup_swap_max(l->memory, l->memory_swap, value);
	if (r < 0)
		return error_set(s->err, r, "--memory-swap is less than --memory");
	if (l->memory_swap) {
		if (l->memory_swap < 0)
			(void)snprintf(asked, sizeof(asked), "unlimited");
		else
			size_text((uint64_t)l->memory_swap, asked);
		r = set(s, "memory.swap.max", value, "memory-swap", asked);
		if (r == 0 && l->memory_swap > 0)
			enforced_add(s->rows, "memory-swap", asked, "nothing", DCODE_NO_SWAP_LIMIT,
				     "this kernel does not count swap");
		return r < 0 ? r : 0;
	}
	/* docker's default, as much again; without accounting of swap there is nothing to ask. */
	r = cgroupfs_write(s->fd, "memory.swap.max", value);
	return r == -ENOENT || r == -EACCES || r == -EPERM || r == 0
		       ? 0
		       : error_code(s->err, r, "limit the container's swap");
}

static int set_memory(struct setter *s)
{
	char value[CGROUP_VALUE_MAX], asked[ASKED_MAX];
	const struct limits *l = s->l;
	int r = 1;

	if (l->memory) {
		ignore_result(str_print(value, sizeof(value), "%" PRIu64, l->memory)); /* fits */
		size_text(l->memory, asked);
		r = set(s, "memory.max", value, "memory", asked);
		if (r > 0)
			r = set_swap(s);
	}
	if (r >= 0 && l->memory_reservation) {
		ignore_result(str_print(value, sizeof(value), "%" PRIu64,
					l->memory_reservation)); /* fits */
		size_text(l->memory_reservation, asked);
		r = set(s, "memory.low", value, "memory-reservation", asked);
	}
	return r < 0 ? r : 0;
}

static int set_cpu(struct setter *s)
{
	char value[CGROUP_VALUE_MAX], asked[ASKED_MAX];
	const struct limits *l = s->l;
	int r = 0;

	if (l->cpu_quota_us || l->cpu_period_us) {
		r = cgroup_cpu_max(l->cpu_quota_us, l->cpu_period_us, value);
		if (r < 0)
			return r;
		if (l->nano_cpus)
			(void)snprintf(asked, sizeof(asked), "%.15g", (double)l->nano_cpus / 1e9);
		else if (!l->cpu_quota_us)
			(void)snprintf(asked, sizeof(asked), "%" PRIu64 " us", l->cpu_period_us);
		else
			(void)snprintf(asked, sizeof(asked), "%" PRIu64 " of %" PRIu64 " us",
				       l->cpu_quota_us, l->cpu_period_us);
		r = set(s, "cpu.max", value, limits_time_name(l), asked);
	}
	if (r >= 0 && l->cpu_shares) {
		ignore_result(str_print(value, sizeof(value), "%" PRIu32,
					cgroup_weight_of_shares(l->cpu_shares))); /* fits */
		(void)snprintf(asked, sizeof(asked), "%" PRIu64, l->cpu_shares);
		r = set(s, "cpu.weight", value, "cpu-shares", asked);
	}
	return r < 0 ? r : 0;
}

static int set_pids(struct setter *s)
{
	char value[CGROUP_VALUE_MAX];
	int r;

	if (s->l->pids <= 0)
		return 0;
	r = cgroup_count_max(s->l->pids, value);
	if (r == 0)
		r = set(s, "pids.max", value, "pids-limit", value);
	return r < 0 ? r : 0;
}

static int set_cpuset(struct setter *s)
{
	int r = 0;

	if (s->l->cpuset_cpus)
		r = set(s, "cpuset.cpus", s->l->cpuset_cpus, "cpuset-cpus", s->l->cpuset_cpus);
	if (r >= 0 && s->l->cpuset_mems)
		r = set(s, "cpuset.mems", s->l->cpuset_mems, "cpuset-mems", s->l->cpuset_mems);
	return r < 0 ? r : 0;
}

static int set_throttle(struct setter *s, const struct limits_throttle *t)
{
	static const char *const keys[LIMITS_THROTTLE_KINDS] = {
		[LIMITS_READ_BPS] = "rbps",
		[LIMITS_WRITE_BPS] = "wbps",
		[LIMITS_READ_IOPS] = "riops",
		[LIMITS_WRITE_IOPS] = "wiops",
	};
	char value[CGROUP_VALUE_MAX], asked[ASKED_MAX];
	const char *what = limits_throttle_name(t->kind);
	struct stat st;
	int r;

	if (stat(t->device, &st) < 0)
		return error_sys(s->err, "--%s: look at %s", what, t->device);
	if (!S_ISBLK(st.st_mode))
		return error_set(s->err, -ENOTBLK, "--%s: %s is not a block device", what,
				 t->device);
	(void)snprintf(asked, sizeof(asked), "%s:%" PRIu64, t->device, t->rate);
	r = str_print(value, sizeof(value), "%u:%u %s=%" PRIu64, major(st.st_rdev),
		      minor(st.st_rdev), keys[t->kind], t->rate);
	if (r == 0)
		r = set(s, "io.max", value, what, asked);
	return r < 0 ? r : 0;
}

static int set_io(struct setter *s)
{
	char value[CGROUP_VALUE_MAX], asked[ASKED_MAX];
	const struct limits *l = s->l;
	int r = 0;

	if (l->blkio_weight) {
		(void)snprintf(asked, sizeof(asked), "%" PRIu32, l->blkio_weight);
		r = set(s, "io.bfq.weight", asked, "blkio-weight", asked);
		ignore_result(str_print(value, sizeof(value), "default %" PRIu32,
					cgroup_io_weight(l->blkio_weight))); /* fits */
		if (r == 0)
			r = set(s, "io.weight", value, "blkio-weight", asked);
	}
	for (size_t i = 0; r >= 0 && i < l->n_throttles; i++)
		r = set_throttle(s, &l->throttles[i]);
	return r < 0 ? r : 0;
}

int cgroup_set_all(int fd, const struct limits *l, struct enforced *rows, struct error *err)
{
	struct setter s = { .fd = fd, .l = l, .rows = rows, .err = err };
	int r;

	r = set_memory(&s);
	if (r == 0)
		r = set_cpu(&s);
	if (r == 0)
		r = set_pids(&s);
	if (r == 0)
		r = set_cpuset(&s);
	return r < 0 ? r : set_io(&s);
}

struct limits cgroup_set_changed(const struct limits *old, const struct limits *now)
{
	bool time =
		now->cpu_quota_us != old->cpu_quota_us || now->cpu_period_us != old->cpu_period_us;

	return (struct limits){
		.memory = now->memory != old->memory ? now->memory : 0,
		.memory_swap = now->memory_swap != old->memory_swap ? now->memory_swap : 0,
		.memory_reservation = now->memory_reservation != old->memory_reservation
					      ? now->memory_reservation
					      : 0,
		.nano_cpus = time ? now->nano_cpus : 0,
		.cpu_quota_us = time ? now->cpu_quota_us : 0,
		.cpu_period_us = time ? now->cpu_period_us : 0,
		.cpu_shares = now->cpu_shares != old->cpu_shares ? now->cpu_shares : 0,
		.cpuset_cpus =
			is_word(now->cpuset_cpus, old->cpuset_cpus) ? NULL : now->cpuset_cpus,
		.cpuset_mems =
			is_word(now->cpuset_mems, old->cpuset_mems) ? NULL : now->cpuset_mems,
		.pids = now->pids != old->pids ? now->pids : 0,
		.blkio_weight = now->blkio_weight != old->blkio_weight ? now->blkio_weight : 0,
	};
}

const char *cgroup_set_lacks(int fd, const struct limits *l, const char **ret_file)
{
	const struct {
		bool asked;
		const char *what, *file, *other;
	} all[] = {
		{ l->memory, "memory", "memory.max", NULL },
		/* Where there is no memory.swap.max it gets its row, with D-26. */
		{ l->memory_swap > 0, "memory-swap", "memory.max", NULL },
		{ l->memory_reservation, "memory-reservation", "memory.low", NULL },
		{ l->cpu_quota_us || l->cpu_period_us, limits_time_name(l), "cpu.max", NULL },
		{ l->cpu_shares, "cpu-shares", "cpu.weight", NULL },
		{ l->pids > 0, "pids-limit", "pids.max", NULL },
		{ l->cpuset_cpus, "cpuset-cpus", "cpuset.cpus", NULL },
		{ l->cpuset_mems, "cpuset-mems", "cpuset.mems", NULL },
		{ l->blkio_weight, "blkio-weight", "io.weight", "io.bfq.weight" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!all[i].asked || faccessat(fd, all[i].file, W_OK, AT_EACCESS) == 0 ||
		    (all[i].other && faccessat(fd, all[i].other, W_OK, AT_EACCESS) == 0))
			continue;
		*ret_file = all[i].file;
		return all[i].what;
	}
	return NULL;
}

int cgroup_set_lift(int fd, const struct limits *old, const struct limits *now, struct error *err)
{
	const struct {
		bool lift;
		const char *file, *value;
	} all[] = {
		{ old->memory && !now->memory, "memory.max", "max" },
		{ (old->memory || old->memory_swap > 0) && !now->memory, "memory.swap.max", "max" },
		{ old->memory_reservation && !now->memory_reservation, "memory.low", "0" },
		{ (old->cpu_quota_us || old->cpu_period_us) && !now->cpu_quota_us &&
			  !now->cpu_period_us,
		  "cpu.max", "max 100000" },
		{ old->cpu_shares && !now->cpu_shares, "cpu.weight", "100" },
		{ old->pids > 0 && now->pids <= 0, "pids.max", "max" },
		{ old->cpuset_cpus && !now->cpuset_cpus, "cpuset.cpus", "\n" },
		{ old->cpuset_mems && !now->cpuset_mems, "cpuset.mems", "\n" },
		{ old->blkio_weight && !now->blkio_weight, "io.weight", "default 100" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int r = all[i].lift ? cgroupfs_write(fd, all[i].file, all[i].value) : 0;

		/* A file that is not there limits nothing. */
		if (r < 0 && r != -ENOENT && r != -EACCES && r != -EPERM)
			return error_code(err, r, "write %s of the container's cgroup",
					  all[i].file);
	}
	return 0;
}

static const char *const saved_files[CGROUP_SAVED_FILES] = {
	"memory.max", "memory.swap.max", "memory.low",	"cpu.max",   "cpu.weight",
	"pids.max",   "cpuset.cpus",	 "cpuset.mems", "io.weight", "io.bfq.weight",
};

int cgroup_set_save(int fd, struct cgroup_saved *ret)
{
	for (size_t i = 0; i < CGROUP_SAVED_FILES; i++) {
		char *text = ret->text[i];
		int n = cgroupfs_read(fd, saved_files[i], text, CGROUP_SAVED_MAX);

		char *end;

		if (n < 0)
			n = 0;
		text[n] = '\0';
		end = strchr(text, '\n');
		if (end)
			end[1] = '\0'; /* io.weight: what devices have of their own is not ours */
		else if (n == CGROUP_SAVED_MAX - 1)
			return -E2BIG;
	}
	return 0;
}

/* Each took this value before. */
void cgroup_set_restore(int fd, const struct cgroup_saved *saved)
{
	for (size_t i = 0; i < CGROUP_SAVED_FILES; i++)
		if (*saved->text[i])
			ignore_result(cgroupfs_write(fd, saved_files[i], saved->text[i]));
}
