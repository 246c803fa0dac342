/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/explain.h"

#include <inttypes.h>
#include <linux/ioprio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cgroupfs.h"
#include "base/num.h"
#include "base/str.h"
#include "cli/limitopt.h"
#include "runtime/cpulist.h"
#include "runtime/mountinfo.h"

enum {
	TEXT_MAX = 8192,
	PAGE = 4096, /* the smallest: what the kernel rounds memory to */
};

static struct explain_row *add(struct explain *x, const char *what)
{
	struct explain_row *row;

	x->rows = array_grow(x->rows, x->n, &x->cap, sizeof(*x->rows));
	row = &x->rows[x->n++];
	*row = (struct explain_row){
		.what = xstrdup(what),
		.asked = xstrdup(""),
		.enforced = xstrdup(""),
		.by = xstrdup(""),
		.note = xstrdup(""),
	};
	return row;
}

static void put(char **field, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(char **field, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(*field);
	*field = xstrdup(text);
}

static void differs(struct explain_row *row, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void differs(struct explain_row *row, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(&row->note, "%s", text);
	row->differs = true;
}

void explain_done(struct explain *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->rows[i].what);
		free(x->rows[i].asked);
		free(x->rows[i].enforced);
		free(x->rows[i].by);
		free(x->rows[i].note);
	}
	free(x->rows);
	*x = (struct explain){ 0 };
}

/* --- identity --- */

static void explain_ids(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row = add(x, "ids");
	const struct observed_ids *u;

	put(&row->asked, "%s", in->rec->here ? "the caller's own" : "root and others");
	put(&row->by, "user namespace");
	if (!in->seen)
		return;
	u = &in->seen->uids;
	if (!u->count) {
		put(&row->note, "the map cannot be read");
		return;
	}
	put(&row->enforced, "%" PRIu64 " %s", u->count, u->count == 1 ? "id" : "ids");
	if (in->rec->here)
		return;
	if (u->count == 1) {
		row->dcode = in->one_id != DCODE_NONE ? in->one_id : DCODE_NO_SUBID;
		differs(row, "one id: root inside is host id %u, others are %s", u->first,
			in->rec->real_ids || in->rec->seccomp_off ? "refused"
								  : "answered, not given");
	} else if (u->count < IDMAP_COUNT) {
		row->dcode = DCODE_NO_SUBID;
		differs(row, "0 is host id %u, 1 is %u, those above %" PRIu64 " are refused",
			u->first, u->range, u->count - 1);
	} else {
		put(&row->note, "0 is host id %u, 1 is %u", u->first, u->range);
	}
}

/* Made by a container with one id: an installer was answered, and the bit is root's now. */
static void explain_setid(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row;

	if (in->one_id == DCODE_NONE || !in->setid || !in->setid->n)
		return;
	row = add(x, "set-id files");
	put(&row->asked, "owners of the packages");
	put(&row->enforced, "%zu, root's", in->setid->n);
	put(&row->by, "nothing");
	row->dcode = in->one_id;
	differs(row, "they may be meant for somebody else: %s%s", in->setid->paths,
		in->setid->n > SETID_NAMED_MAX || in->setid->more ? ", ..." : "");
}

static void list_caps(uint64_t set, struct str_buf *b)
{
	for (unsigned i = 0; set >> i; i++) {
		const char *name = caps_name(i);

		if (set >> i & 1)
			str_buf_addf(b, "%s%s", b->len ? " " : "", name ? name : "?");
	}
}

static void add_words(struct str_buf *b, const char *sign, const struct strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		str_buf_addf(b, " %s%s", sign, words->v[i]);
}

static unsigned count_bits(uint64_t set)
{
	return (unsigned)__builtin_popcountll(set);
}

static void explain_caps(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row = add(x, "capabilities");
	_cleanup_(str_buf_done) struct str_buf asked, more, less, all;

	str_buf_init(&asked, TEXT_MAX);
	str_buf_init(&more, TEXT_MAX);
	str_buf_init(&less, TEXT_MAX);
	str_buf_init(&all, TEXT_MAX);
	str_buf_adds(&asked, in->rec->here ? "none" : "default");
	add_words(&asked, "+", &in->rec->cap_add);
	add_words(&asked, "-", &in->rec->cap_drop);
	put(&row->asked, "%s", asked.s);
	put(&row->by, "bounding set");
	list_caps(in->rec->caps, &all);
	put(&row->note, "%s", all.len ? all.s : "");
	if (!in->seen)
		return;
	if (in->seen->caps)
		put(&row->enforced, "%u of them", count_bits(in->seen->caps));
	else
		put(&row->enforced, "none");
	if (in->seen->caps == in->rec->caps)
		return;
	list_caps(in->seen->caps & ~in->rec->caps, &more);
	list_caps(in->rec->caps & ~in->seen->caps, &less);
	differs(row, "more: %s; less: %s", more.len ? more.s : "none", less.len ? less.s : "none");
}

static void explain_seccomp(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row = add(x, "seccomp");
	bool off = in->rec->seccomp_off;

	put(&row->asked, "%s", off ? "unconfined" : "default profile");
	put(&row->by, "%s", off ? "nothing" : "seccomp");
	if (!in->seen)
		return;
	if (in->seen->seccomp == 2)
		put(&row->enforced, "%u %s", in->seen->filters,
		    in->seen->filters == 1 ? "filter" : "filters");
	else
		put(&row->enforced, "no filter");
	if (off && in->seen->seccomp)
		put(&row->note, "not the profile: inherited, or set by its programs");
	if (!off && in->seen->seccomp != 2)
		differs(row, "there is no filter on pid 1");
}

static void explain_no_new_privs(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row;

	if (!in->rec->no_new_privs && !(in->seen && in->seen->no_new_privs))
		return;
	row = add(x, "no-new-privileges");
	put(&row->asked, "%s",
	    in->rec->no_new_privs ? "yes" : (in->rec->here ? "by --here" : "no"));
	put(&row->by, "no_new_privs");
	if (!in->seen)
		return;
	put(&row->enforced, "%s", in->seen->no_new_privs ? "yes" : "no");
	if (in->rec->no_new_privs && !in->seen->no_new_privs) {
		differs(row, "pid 1 has it not");
	} else if (!in->rec->no_new_privs) {
		put(&row->note, "set-id programs have no effect");
		row->dcode = in->rec->here ? DCODE_NONE : in->one_id;
		row->differs = !in->rec->here;
	}
}

/* --- network and mounts --- */

static void explain_network(const struct explain_input *in, struct explain *x)
{
	static const char *const by[] = {
		[NET_NONE] = "network namespace",
		[NET_PRIVATE] = "netstack",
		[NET_HOST] = "nothing",
	};
	struct explain_row *row = add(x, "network");
	bool own = in->rec->net != NET_HOST;

	put(&row->asked, "%s", net_mode_name(in->rec->net));
	put(&row->by, "%s", by[in->rec->net]);
	if (!in->seen)
		return;
	if (in->seen->own_net < 0) {
		put(&row->note, "its network namespace cannot be seen");
		return;
	}
	put(&row->enforced, "%s", in->seen->own_net ? "own namespace" : "the caller's");
	if (in->rec->net == NET_HOST && in->seen->own_net)
		put(&row->note, "that of the caller who started it");
	if (own && !in->seen->own_net)
		differs(row, "it is in the network of this command");
	if (in->rec->net == NET_PRIVATE && in->seen->has_netstack == 0)
		differs(row, "netstack, which carried its network, has ended: it has none");
}

static bool find_mount(const struct explain_input *in, const char *target, struct mountinfo *ret)
{
	return in->seen && in->seen->mounts &&
	       mountinfo_by_target(in->seen->mounts, target, ret) == 0;
}

static void explain_root(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row = add(x, "root file system");
	struct mountinfo m;
	bool ro;

	put(&row->asked, "%s", in->rec->read_only ? "read-only" : "writable");
	if (!find_mount(in, "/", &m)) {
		put(&row->by, "mount");
		return;
	}
	ro = mountinfo_has_option(&m, "ro");
	put(&row->by, "%s", str_starts(m.type, "fuse.") ? m.type + 5 : m.type);
	if (!str_eq(m.type, "overlay")) {
		put(&row->note, "files are slower");
		row->dcode = DCODE_NO_OVERLAY;
	}
	put(&row->enforced, "%s", ro ? "read-only" : "writable");
	if (ro != in->rec->read_only)
		differs(row, "it was mounted again inside");
}

static const struct {
	enum ctr_mount_flags flag;
	const char *word;
} mount_words[] = {
	{ CTR_MOUNT_RO, "ro" },
	{ CTR_MOUNT_NOEXEC, "noexec" },
	{ CTR_MOUNT_NOSUID, "nosuid" },
	{ CTR_MOUNT_NODEV, "nodev" },
};

bool explain_wants_mount(const struct explain_input *in, size_t i)
{
	struct mountinfo m;

	return in->seen && in->seen->mounts && !find_mount(in, in->rec->mounts[i].target, &m);
}

static bool find_mount_of(const struct explain_input *in, size_t i, struct mountinfo *ret)
{
	if (find_mount(in, in->rec->mounts[i].target, ret))
		return true;
	return in->seen && in->seen->mounts && in->mount_ids && in->mount_ids[i] &&
	       mountinfo_by_id(in->seen->mounts, in->mount_ids[i], ret) == 0;
}

/* Of a tmpfs; the kernel rounds up to pages. */
static void check_size(const struct ctrconf_mount *m, const struct mountinfo *seen,
		       struct explain_row *row)
{
	static const char word[] = "size=";
	const char *at = m->kind != CTR_MOUNT_BIND && m->options ? strstr(m->options, word) : NULL;
	_cleanup_(freep) char *text = NULL;
	uint64_t want, have;

	if (!at || !str_eq(seen->type, "tmpfs") || !*seen->super)
		return;
	at += strlen(word);
	text = xstrndup(at, strcspn(at, ","));
	have = mountinfo_size(seen);
	if (num_u64(text, &want) < 0 || have / PAGE == (want + PAGE - 1) / PAGE)
		return;
	if (have)
		differs(row, "its size is %" PRIu64 " bytes", have);
	else
		differs(row, "it has no size");
}

static void explain_mount(const struct explain_input *in, size_t i, struct explain *x)
{
	const struct ctrconf_mount *m = &in->rec->mounts[i];
	_cleanup_(freep) char *what = xasprintf("mount %s", m->target);
	_cleanup_(str_buf_done) struct str_buf asked, missing;
	struct explain_row *row = add(x, what);
	struct mountinfo seen;
	bool found = find_mount_of(in, i, &seen);

	str_buf_init(&asked, TEXT_MAX);
	str_buf_init(&missing, TEXT_MAX);
	str_buf_addf(&asked, "%s", m->kind == CTR_MOUNT_BIND ? m->source : "tmpfs");
	if (m->options && *m->options)
		str_buf_addf(&asked, ",%s", m->options);
	for (size_t k = 0; k < ARRAY_SIZE(mount_words); k++) {
		if (!(m->flags & mount_words[k].flag))
			continue;
		if (!m->options || !strstr(m->options, mount_words[k].word))
			str_buf_addf(&asked, ",%s", mount_words[k].word);
		if (found && !mountinfo_has_option(&seen, mount_words[k].word))
			str_buf_addf(&missing, " %s", mount_words[k].word);
	}
	put(&row->asked, "%s", asked.s);
	put(&row->by, "%s", m->kind == CTR_MOUNT_BIND ? "bind mount" : "tmpfs");
	if (!in->seen)
		return;
	if (!found) {
		differs(row, "nothing is mounted at that path now: undone inside, or out of sight");
		return;
	}
	put(&row->enforced, "%s %s", seen.type, seen.options);
	if (!str_eq(seen.target, m->target))
		put(&row->note, "at %s, where a link leads", seen.target);
	check_size(m, &seen, row);
	if (missing.len)
		differs(row, "without%s", missing.s);
}

/* --- limits --- */

static bool same_list(const char *a, const char *b)
{
	struct cpulist x, y;

	return cpulist_parse(a, &x) == 0 && cpulist_parse(b, &y) == 0 &&
	       cpulist_is_within(&x, &y) && cpulist_is_within(&y, &x);
}

static bool same_value(const char *file, const char *want, const char *have)
{
	uint64_t a, b;

	if (str_eq(want, have))
		return true;
	/* The kernel writes its own form of a list: 0-1 for 0,1. */
	if (str_starts(file, "cpuset."))
		return same_list(want, have);
	return str_starts(file, "memory.") && num_u64(want, &a) == 0 && num_u64(have, &b) == 0 &&
	       a / PAGE == b / PAGE;
}

/* "8:0 rbps=1000" in lines of "8:0 rbps=1000 wbps=max ...". */
static bool has_throttle(const char *text, const char *want)
{
	size_t device = strcspn(want, " ") + 1;
	const char *line = text;

	for (; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		_cleanup_(freep) char *one = NULL;

		if (strncmp(line, want, device) != 0)
			continue;
		one = xstrndup(line + device, strcspn(line + device, "\n"));
		return cgroupfs_has_word(one, want + device);
	}
	return false;
}

/* The detail of such a row is "FILE = VALUE", which is compared with what the file has now. */
static void check_cgroup(int fd, const struct enforced_row *limit, struct explain_row *row)
{
	char file[64], text[CGROUPFS_TEXT_MAX];
	const char *sep = strstr(limit->detail, " = "), *want = sep ? sep + 3 : NULL;

	if (!sep || fd < 0 ||
	    str_print(file, sizeof(file), "%.*s", (int)(sep - limit->detail), limit->detail) < 0)
		return;
	if (strchr(file, '/') || cgroupfs_read(fd, file, text, sizeof(text)) < 0) {
		differs(row, "%s cannot be read", file);
		return;
	}
	if (str_eq(file, "io.max")) {
		put(&row->enforced, "%s", has_throttle(text, want) ? "yes" : "no");
		if (!has_throttle(text, want))
			differs(row, "io.max has no %s", want);
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	put(&row->enforced, "%s", same_value(file, want, text) ? "yes" : "no");
	if (!same_value(file, want, text))
		differs(row, "%s is %s, not %s", file, text, want);
}

static void verdict(struct explain_row *row, bool holds, const char *what)
{
	put(&row->enforced, "%s", holds ? "yes" : "no");
	if (!holds)
		differs(row, "%s", what);
}

static void check_rlimit(const struct explain_input *in, const struct enforced_row *limit,
			 struct explain_row *row)
{
	static const char changed[] = "pid 1 has changed its own limit";
	const struct rlimit *have;
	struct ctr_rlimit want;
	char text[48];
	size_t n;

	if (!in->seen->knows_limits || limitopt_ulimit(limit->asked, &want, NULL) < 0)
		return;
	have = &in->seen->limits[want.resource];
	limitopt_ulimit_text(have, text);
	n = strlen(text);
	/* "100:4096 holds, ..." where carrel itself had to give less than was asked. */
	if (strstr(limit->detail, " holds"))
		verdict(row, strncmp(limit->detail, text, n) == 0 && limit->detail[n] == ' ',
			changed);
	else
		verdict(row,
			have->rlim_cur == want.value.rlim_cur &&
				have->rlim_max == want.value.rlim_max,
			changed);
}

/* A part of it; what is lost is no secret. */
static void check_own_limit(const struct explain_input *in, const struct enforced_row *limit,
			    struct explain_row *row)
{
	check_rlimit(in, limit, row);
	if (row->differs || !*row->enforced)
		return;
	put(&row->enforced, "in part");
	row->differs = true;
}

static void check_nproc(const struct explain_input *in, const struct enforced_row *limit,
			struct explain_row *row)
{
	uint64_t want;

	if (in->seen->knows_limits && num_u64(limit->asked, &want) == 0)
		verdict(row, in->seen->limits[RLIMIT_NPROC].rlim_max <= want,
			"pid 1 has a higher limit");
}

static void check_cpus(const struct explain_input *in, const struct enforced_row *limit,
		       struct explain_row *row)
{
	struct cpulist want, have;

	if (cpulist_parse(limit->asked, &want) == 0 && cpulist_parse(in->seen->cpus, &have) == 0)
		verdict(row, cpulist_is_within(&have, &want), "pid 1 may run on other CPUs, too");
}

static void check_watchdog(const struct explain_input *in, const struct enforced_row *limit,
			   struct explain_row *row)
{
	(void)limit;
	verdict(row, in->seen->has_watchdog != 0, "there is no watchdog");
}

static void check_oom_adj(const struct explain_input *in, const struct enforced_row *limit,
			  struct explain_row *row)
{
	int64_t want;

	put(&row->enforced, "%" PRId64, in->seen->oom_score_adj);
	if (num_i64(limit->asked, &want) == 0 && want != in->seen->oom_score_adj)
		differs(row, "pid 1 has changed it");
}

static void check_nice(const struct explain_input *in, const struct enforced_row *limit,
		       struct explain_row *row)
{
	char want[32];

	put(&row->enforced, "nice %d", in->seen->nice);
	(void)snprintf(want, sizeof(want), "nice %d ", in->seen->autogroup_nice);
	if (in->seen->has_autogroup && !str_starts(limit->detail, want))
		differs(row, "beside other sessions its autogroup counts, and that has nice %d",
			in->seen->autogroup_nice);
}

static void check_mems(const struct explain_input *in, const struct enforced_row *limit,
		       struct explain_row *row)
{
	verdict(row, same_list(limit->asked, in->seen->mems),
		"the memory of pid 1 is not bound to these nodes");
}

static void check_ionice(const struct explain_input *in, const struct enforced_row *limit,
			 struct explain_row *row)
{
	static const char word[] = "best effort ";
	int prio = in->seen->io_prio, level = (int)IOPRIO_PRIO_DATA(prio);
	bool best_effort = prio >= 0 && IOPRIO_PRIO_CLASS(prio) == IOPRIO_CLASS_BE;

	if (best_effort)
		put(&row->enforced, "%s%d", word, level);
	if (!best_effort || !str_starts(limit->detail, row->enforced))
		differs(row, "pid 1 has another I/O priority");
}

static void check_nothing(const struct explain_input *in, const struct enforced_row *limit,
			  struct explain_row *row)
{
	(void)in;
	put(&row->enforced, "no");
	row->differs = limit->dcode == DCODE_NONE; /* else the code says it */
}

static void check_file(const struct explain_input *in, const struct enforced_row *limit,
		       struct explain_row *row)
{
	check_cgroup(in->cgroup_fd, limit, row);
}

/* What can be seen of each holder from outside. */
static const struct {
	const char *by;
	void (*check)(const struct explain_input *in, const struct enforced_row *limit,
		      struct explain_row *row);
} checks[] = {
	{ "cgroup v2", check_file },	  { "watchdog", check_watchdog },
	{ "RLIMIT_NPROC", check_nproc },  { "setrlimit", check_rlimit },
	{ "affinity", check_cpus },	  { "nice", check_nice },
	{ "memory policy", check_mems },  { "ionice", check_ionice },
	{ "nothing", check_nothing },	  { "oom_score_adj", check_oom_adj },
	{ "own limit", check_own_limit },
};

/* What nobody has to do anything for has no verdict of a start. */
static void explain_usual(const struct explain_input *in, struct explain *x)
{
	const struct limits *l = &in->rec->limits;
	const struct {
		const char *what, *asked, *note;
		bool is_asked;
	} usual[] = {
		{ "memory-swap", "unlimited", "no limit", l->memory_swap < 0 },
		{ "cpu-shares", "1024", "the weight that everybody has",
		  l->cpu_shares == LIMITS_SHARES_USUAL },
		{ "pids-limit", "unlimited", "no limit", l->pids < 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		struct explain_row *row;

		if (!usual[i].is_asked || (in->limits && enforced_find(in->limits, usual[i].what)))
			continue;
		row = add(x, usual[i].what);
		put(&row->asked, "%s", usual[i].asked);
		put(&row->by, "nothing");
		put(&row->note, "%s", usual[i].note);
	}
}

static void explain_limits(const struct explain_input *in, struct explain *x)
{
	for (size_t i = 0; in->limits && i < in->limits->n; i++) {
		const struct enforced_row *limit = &in->limits->rows[i];
		struct explain_row *row = add(x, limit->what);

		put(&row->asked, "%s", limit->asked);
		put(&row->by, "%s", limit->by);
		put(&row->note, "%s", limit->detail);
		row->dcode = limit->dcode;
		for (size_t k = 0; in->seen && k < ARRAY_SIZE(checks); k++)
			if (str_eq(checks[k].by, limit->by))
				checks[k].check(in, limit, row);
	}
}

static void explain_shm(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row;

	if (!in->rec->shm_size)
		return;
	row = add(x, "shm-size");
	put(&row->asked, "%" PRIu64 " bytes", in->rec->shm_size);
	put(&row->by, "tmpfs");
	if (!in->seen)
		return;
	put(&row->enforced, "%" PRIu64 " bytes", in->seen->shm_size);
	if (in->seen->shm_size / PAGE != (in->rec->shm_size + PAGE - 1) / PAGE)
		differs(row, "/dev/shm has another size");
}

static void explain_init(const struct explain_input *in, struct explain *x)
{
	struct explain_row *row;

	if (!in->rec->init)
		return;
	row = add(x, "init");
	put(&row->asked, "yes");
	put(&row->by, "libexec/carrel/init");
	if (!in->seen)
		return;
	put(&row->enforced, "%s", str_eq(in->seen->program, "carrel-init") ? "yes" : "no");
	if (!str_eq(in->seen->program, "carrel-init"))
		differs(row, "pid 1 calls itself something else");
}

void explain_fill(const struct explain_input *in, struct explain *ret)
{
	explain_ids(in, ret);
	explain_setid(in, ret);
	explain_caps(in, ret);
	explain_seccomp(in, ret);
	explain_no_new_privs(in, ret);
	explain_network(in, ret);
	explain_root(in, ret);
	for (size_t i = 0; i < in->rec->n_mounts; i++)
		explain_mount(in, i, ret);
	explain_init(in, ret);
	explain_shm(in, ret);
	explain_limits(in, ret);
	explain_usual(in, ret);
}
