/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/limitopt.h"

#include <errno.h>
#include <inttypes.h>

#include "base/num.h"

enum {
	MEMORY_MIN = 6 << 20, /* docker's */
	PERIOD_USUAL_US = 100000,
	PERIOD_MIN_US = 1000,
	PERIOD_MAX_US = 1000000,
	QUOTA_MIN_US = 1000,
	SHARES_MIN = 2,
	SHARES_MAX = 262144,
	WEIGHT_MIN = 10,
	WEIGHT_MAX = 1000,
	NANO_CPUS_MIN = 10000000,
	NANO_DIGITS = 9,
	OOM_ADJ_MAX = 1000,
	PIDS_MAX = 4194304, /* of the kernel, all processes of a machine */
};

#define NANO UINT64_C(1000000000)
/* The kernel's: MAX_BW of kernel/sched/core.c. */
#define QUOTA_MAX_US ((INT64_C(1) << 44) - 1)

void limit_options_done(struct limit_options *o)
{
	strv_done(&o->read_bps);
	strv_done(&o->write_bps);
	strv_done(&o->read_iops);
	strv_done(&o->write_iops);
	strv_done(&o->ulimit);
}

static int parse_size(const char *option, const char *s, uint64_t *ret, struct error *err)
{
	uint64_t v;
	int r = num_size(s, &v);

	if (r == 0 && v > INT64_MAX)
		r = -ERANGE;
	if (r < 0) {
		error_set(err, -EINVAL, "--%s: '%s' is not a size", option, s);
		error_hint(err, "a number with b, k, m or g: 512m, 1.5g");
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

/* 0 is docker's word for "no limit". */
static int parse_memory(const char *option, const char *s, uint64_t *ret, struct error *err)
{
	uint64_t v;
	int r = parse_size(option, s, &v, err);

	if (r < 0)
		return r;
	if (v && v < MEMORY_MIN)
		return error_set(err, -EINVAL, "--%s: '%s' is less than the minimum of 6m", option,
				 s);
	*ret = v;
	return 0;
}

static int parse_number(const char *option, const char *s, int64_t min, int64_t max, int64_t *ret,
			struct error *err)
{
	int64_t v;
	int r = num_i64(s, &v);

	if (r < 0)
		return error_set(err, -EINVAL, "--%s: '%s' is not a whole number", option, s);
	if (v < min || v > max)
		return error_set(err, -EINVAL,
				 "--%s: %s is not in the range from %" PRId64 " to %" PRId64,
				 option, s, min, max);
	*ret = v;
	return 0;
}

static int parse_swap(const struct limit_options *o, struct limits *l, struct error *err)
{
	uint64_t v;
	int r;

	if (o->memory_swap && (str_eq(o->memory_swap, "-1") || str_eq(o->memory_swap, "0"))) {
		l->memory_swap = o->memory_swap[0] == '-' ? -1 : 0;
	} else if (o->memory_swap) {
		r = parse_size("memory-swap", o->memory_swap, &v, err);
		if (r < 0)
			return r;
		l->memory_swap = (int64_t)v;
	}
	if (l->memory_swap <= 0)
		return 0;
	if (!l->memory && !o->memory_swap) {
		error_set(err, -EINVAL, "--memory 0: the --memory-swap that it has needs --memory");
		error_hint(err, "`--memory-swap 0` beside it lifts that one, too");
		return -EINVAL;
	}
	if (!l->memory) {
		error_set(err, -EINVAL, "--memory-swap needs --memory");
		error_hint(err, "it is the limit of memory and swap together");
		return -EINVAL;
	}
	if ((uint64_t)l->memory_swap < l->memory && !o->memory_swap) {
		error_set(err, -EINVAL, "--memory is more than the --memory-swap that it has");
		error_hint(err, "give --memory-swap, too: it is the limit of both together");
		return -EINVAL;
	}
	if ((uint64_t)l->memory_swap < l->memory) {
		error_set(err, -EINVAL, "--memory-swap is less than --memory");
		error_hint(err, "it is the limit of memory and swap together; equal: no swap");
		return -EINVAL;
	}
	return 0;
}

static int parse_memories(const struct limit_options *o, struct limits *l, struct error *err)
{
	int r = 0;

	if (o->memory)
		r = parse_memory("memory", o->memory, &l->memory, err);
	if (r == 0 && o->memory_reservation)
		r = parse_memory("memory-reservation", o->memory_reservation,
				 &l->memory_reservation, err);
	if (r == 0)
		r = parse_swap(o, l, err);
	if (r < 0 || !l->memory || l->memory_reservation <= l->memory)
		return r;
	error_set(err, -EINVAL, "--memory-reservation is more than --memory");
	if (!o->memory || !o->memory_reservation)
		error_hint(err, "the container has the other one already; both can be given");
	return -EINVAL;
}

/* "1.5", ".5": a number of CPUs with up to nine digits after the point. */
static int parse_cpus(const char *s, uint64_t *ret, struct error *err)
{
	const char *point = strchr(s, '.');
	size_t n = point ? (size_t)(point - s) : strlen(s);
	_cleanup_(freep) char *whole = xstrndup(s, n);
	char digits[NANO_DIGITS + 1] = "000000000";
	uint64_t v = 0, nano = 0;
	int r = 0;

	if (n || !point)
		r = num_u64(whole, &v);
	if (r == 0 && point && strlen(point + 1) > NANO_DIGITS)
		return error_set(err, -EINVAL, "--cpus: '%s' is too precise", s);
	if (r == 0 && point) {
		memcpy(digits, point + 1, strlen(point + 1));
		r = (n || point[1]) ? num_u64(digits, &nano) : -EINVAL;
	}
	if (r < 0 || v > PIDS_MAX)
		return error_set(err, -EINVAL, "--cpus: '%s' is not a number of CPUs", s);
	v = v * NANO + nano;
	if (v && v < NANO_CPUS_MIN)
		return error_set(err, -EINVAL, "--cpus: '%s' is less than the minimum of 0.01", s);
	*ret = v;
	return 0;
}

static int parse_quota(const struct limit_options *o, struct limits *l, struct error *err)
{
	int64_t period = (int64_t)l->cpu_period_us, quota = (int64_t)l->cpu_quota_us;
	int r = 0;

	if (o->cpu_period)
		r = parse_number("cpu-period", o->cpu_period, 0, PERIOD_MAX_US, &period, err);
	if (r == 0 && o->cpu_quota)
		r = parse_number("cpu-quota", o->cpu_quota, -1, QUOTA_MAX_US, &quota, err);
	if (r < 0)
		return r;
	if (period && period < PERIOD_MIN_US)
		return error_set(err, -EINVAL, "--cpu-period: less than the minimum of %d",
				 PERIOD_MIN_US);
	if (quota > 0 && quota < QUOTA_MIN_US)
		return error_set(err, -EINVAL, "--cpu-quota: less than the minimum of %d",
				 QUOTA_MIN_US);
	l->cpu_quota_us = quota > 0 ? (uint64_t)quota : 0;
	l->cpu_period_us = (uint64_t)period;
	if (l->cpu_quota_us && !l->cpu_period_us)
		l->cpu_period_us = PERIOD_USUAL_US;
	/* Alone it changes nothing; it may be what a quota had that is lifted. */
	if (!l->cpu_quota_us && l->cpu_period_us == PERIOD_USUAL_US)
		l->cpu_period_us = 0;
	l->nano_cpus = 0;
	return 0;
}

/* Beside what the container has: as docker, which makes neither kind of the other. */
static int check_kind(const struct limit_options *o, const struct limits *old,
		      const struct limits *now, struct error *err)
{
	bool quota = o->cpu_quota && now->cpu_quota_us && !now->nano_cpus,
	     period = o->cpu_period && now->cpu_period_us && !now->nano_cpus;

	if (o->cpus && now->nano_cpus && old->cpu_quota_us && !old->nano_cpus) {
		error_set(err, -EINVAL, "--cpus conflicts with the --cpu-quota that it has");
		error_hint(err, "`--cpu-quota -1`, in a command of its own before, lifts that");
		return -EINVAL;
	}
	if (old->nano_cpus && (quota || period)) {
		error_set(err, -EINVAL, "--%s conflicts with the --cpus that it has",
			  quota ? "cpu-quota" : "cpu-period");
		error_hint(err, "`--cpus 0`, in a command of its own before, lifts that");
		return -EINVAL;
	}
	return 0;
}

/* 0 and -1 are docker's words for "not asked". Of what is no number the parser will say so. */
static bool is_set(const char *s)
{
	int64_t v;

	return s && (num_i64(s, &v) < 0 || v > 0);
}

static int parse_cpu_time(const struct limit_options *o, struct limits *l, struct error *err)
{
	const struct limits old = { .nano_cpus = l->nano_cpus, .cpu_quota_us = l->cpu_quota_us };
	uint64_t nano = 0;
	int r = 0;

	if (is_set(o->cpus) && (is_set(o->cpu_quota) || is_set(o->cpu_period))) {
		error_set(err, -EINVAL, "--cpus and --%s cannot both be set",
			  is_set(o->cpu_quota) ? "cpu-quota" : "cpu-period");
		error_hint(err, "--cpus 1.5 is a quota of 150000 in a period of 100000");
		return -EINVAL;
	}
	if (o->cpu_quota || o->cpu_period)
		r = parse_quota(o, l, err);
	if (r == 0 && o->cpus)
		r = parse_cpus(o->cpus, &nano, err);
	if (r == 0 && o->cpus && (nano || !(o->cpu_quota || o->cpu_period))) {
		l->nano_cpus = nano;
		l->cpu_period_us = nano ? PERIOD_USUAL_US : 0;
		l->cpu_quota_us = nano / (NANO / PERIOD_USUAL_US);
	}
	return r < 0 ? r : check_kind(o, &old, l, err);
}

static int parse_list(const char *option, const char *s, char **ret, struct error *err)
{
	struct cpulist list;

	int r = *s ? cpulist_parse(s, &list) : 0;

	if (r == -ERANGE)
		return error_set(err, -EINVAL, "--%s: '%s' has a number above %d, the largest",
				 option, s, CPULIST_MAX - 1);
	if (r < 0) {
		error_set(err, -EINVAL, "--%s: '%s' is not a list of numbers", option, s);
		error_hint(err, "as in 0-3,6");
		return -EINVAL;
	}
	free(*ret);
	*ret = *s ? xstrdup(s) : NULL;
	return 0;
}

static int parse_weights(const struct limit_options *o, struct limits *l, struct error *err)
{
	int64_t v = 0;
	int r = 0;

	/* docker takes 0 for "as usual", and raises 1. */
	if (o->cpu_shares) {
		r = parse_number("cpu-shares", o->cpu_shares, 0, SHARES_MAX, &v, err);
		if (r < 0)
			return r;
		l->cpu_shares = v == 1 ? SHARES_MIN : (uint64_t)v;
	}
	if (o->blkio_weight) {
		v = 0;
		if (!str_eq(o->blkio_weight, "0"))
			r = parse_number("blkio-weight", o->blkio_weight, WEIGHT_MIN, WEIGHT_MAX,
					 &v, err);
		if (r < 0)
			return r;
		l->blkio_weight = (uint32_t)v;
	}
	return 0;
}

int limitopt_parse(const struct limit_options *o, struct limits *l, struct error *err)
{
	int r;

	r = parse_memories(o, l, err);
	if (r == 0)
		r = parse_cpu_time(o, l, err);
	if (r == 0)
		r = parse_weights(o, l, err);
	if (r == 0 && o->cpuset_cpus)
		r = parse_list("cpuset-cpus", o->cpuset_cpus, &l->cpuset_cpus, err);
	if (r == 0 && o->cpuset_mems)
		r = parse_list("cpuset-mems", o->cpuset_mems, &l->cpuset_mems, err);
	if (r == 0 && o->pids) {
		r = parse_number("pids-limit", o->pids, -1, PIDS_MAX, &l->pids, err);
		if (r == 0 && l->pids == 0)
			l->pids = -1;
	}
	return r;
}

static int parse_throttle(enum limits_throttle_kind kind, const char *s, struct limits *l,
			  struct error *err)
{
	const char *option = limits_throttle_name(kind), *colon = strrchr(s, ':');
	struct limits_throttle t = { .kind = kind };
	bool bytes = kind == LIMITS_READ_BPS || kind == LIMITS_WRITE_BPS;
	int r = -EINVAL;

	if (colon)
		r = bytes ? num_size(colon + 1, &t.rate) : num_u64(colon + 1, &t.rate);
	if (r < 0 || t.rate == 0 || t.rate > INT64_MAX) {
		error_set(err, -EINVAL, "--%s: '%s' is not DEVICE:RATE", option, s);
		error_hint(err, bytes ? "as in /dev/sda:10mb" : "as in /dev/sda:1000");
		return -EINVAL;
	}
	if (!str_starts(s, "/dev/"))
		return error_set(err, -EINVAL, "--%s: '%s' does not begin with /dev/", option, s);
	if (l->n_throttles == LIMITS_THROTTLES_MAX)
		return error_set(err, -E2BIG, "--%s: more than %d limits of devices", option,
				 LIMITS_THROTTLES_MAX);
	t.device = xstrndup(s, (size_t)(colon - s));
	limits_add_throttle(l, &t);
	return 0;
}

static int parse_throttles(const struct limit_options *o, struct limits *l, struct error *err)
{
	const struct strv *const lists[LIMITS_THROTTLE_KINDS] = {
		[LIMITS_READ_BPS] = &o->read_bps,
		[LIMITS_WRITE_BPS] = &o->write_bps,
		[LIMITS_READ_IOPS] = &o->read_iops,
		[LIMITS_WRITE_IOPS] = &o->write_iops,
	};

	for (int k = 0; k < LIMITS_THROTTLE_KINDS; k++)
		for (size_t i = 0; i < lists[k]->n; i++) {
			int r = parse_throttle((enum limits_throttle_kind)k, lists[k]->v[i], l,
					       err);

			if (r < 0)
				return r;
		}
	return 0;
}

/* docker's names; setrlimit(2) says what they are. */
static const struct {
	const char *name;
	int resource;
} ulimits[] = {
	{ "core", RLIMIT_CORE },	 { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },	 { "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },	 { "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },	 { "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },		 { "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },	 { "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

const char *limitopt_ulimit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(ulimits); i++)
		if (ulimits[i].resource == resource)
			return ulimits[i].name;
	return "?";
}

char *limitopt_ulimit_text(const struct rlimit *l, char buf[48])
{
	char hard[24] = "-1";

	if (l->rlim_max != RLIM_INFINITY)
		(void)snprintf(hard, sizeof(hard), "%llu", (unsigned long long)l->rlim_max);
	if (l->rlim_cur != RLIM_INFINITY)
		(void)snprintf(buf, 48, "%llu:%s", (unsigned long long)l->rlim_cur, hard);
	else
		(void)snprintf(buf, 48, "-1:%s", hard);
	return buf;
}

static int parse_rlim(const char *s, size_t n, rlim_t *ret)
{
	_cleanup_(freep) char *word = xstrndup(s, n);
	uint64_t v;
	int r;

	if (str_eq(word, "-1") || str_eq(word, "unlimited")) {
		*ret = RLIM_INFINITY;
		return 0;
	}
	r = num_u64(word, &v);
	if (r == 0)
		*ret = v;
	return r;
}

int limitopt_ulimit(const char *s, struct ctr_rlimit *ret, struct error *err)
{
	const char *eq = strchr(s, '='), *colon = eq ? strchr(eq, ':') : NULL;
	struct ctr_rlimit v = { .resource = -1 };
	int r = eq ? 0 : -EINVAL;

	for (size_t i = 0; eq && i < ARRAY_SIZE(ulimits); i++)
		if (strlen(ulimits[i].name) == (size_t)(eq - s) && str_starts(s, ulimits[i].name))
			v.resource = ulimits[i].resource;
	if (eq && v.resource < 0) {
		error_set(err, -EINVAL, "--ulimit: '%.*s' is not known", (int)(eq - s), s);
		error_hint(err, "known: core, cpu, data, fsize, locks, memlock, msgqueue, nice, "
				"nofile, nproc, rss, rtprio, rttime, sigpending, stack");
		return -EINVAL;
	}
	if (r == 0)
		r = parse_rlim(eq + 1, colon ? (size_t)(colon - eq - 1) : strlen(eq + 1),
			       &v.value.rlim_cur);
	v.value.rlim_max = v.value.rlim_cur;
	if (r == 0 && colon)
		r = parse_rlim(colon + 1, strlen(colon + 1), &v.value.rlim_max);
	if (r < 0)
		return error_set(err, -EINVAL, "--ulimit: '%s' is not NAME=SOFT[:HARD]", s);
	if (v.value.rlim_cur > v.value.rlim_max)
		return error_set(err, -EINVAL,
				 "--ulimit: '%s': the soft limit is above the hard one", s);
	*ret = v;
	return 0;
}

/* The last one of a name wins, as in docker. */
static int parse_ulimits(const struct limit_options *o, struct ctrconf *rec, struct error *err)
{
	for (size_t i = 0; i < o->ulimit.n; i++) {
		struct ctr_rlimit v;
		int r = limitopt_ulimit(o->ulimit.v[i], &v, err);

		if (r < 0)
			return r;
		strv_env_set(&rec->ulimits, o->ulimit.v[i]);
	}
	return 0;
}

int limitopt_parse_fixed(const struct limit_options *o, struct ctrconf *rec, struct error *err)
{
	int r;

	r = parse_throttles(o, &rec->limits, err);
	if (r == 0)
		r = parse_ulimits(o, rec, err);
	if (r == 0 && o->shm_size)
		r = parse_size("shm-size", o->shm_size, &rec->shm_size, err);
	rec->oom_asked = o->oom_score_adj != NULL;
	if (r == 0 && rec->oom_asked)
		r = parse_number("oom-score-adj", o->oom_score_adj, -OOM_ADJ_MAX, OOM_ADJ_MAX,
				 &rec->oom_score_adj, err);
	return r;
}
