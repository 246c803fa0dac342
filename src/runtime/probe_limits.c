/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

enum {
	CGROUP_PATH_MAX = 4096,
	TEXT_MAX = 64 << 10,
};

int probe_nproc(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	struct rlimit l;

	(void)h;
	if (getrlimit(RLIMIT_NPROC, &l) < 0)
		return error_sys(err, "ask for the limit of processes");
	if (l.rlim_cur == RLIM_INFINITY) {
		probe_say(ret, "any number of processes");
		return 0;
	}
	probe_fact_u64(ret, "soft", l.rlim_cur);
	probe_say(ret, "%ju processes", (uintmax_t)l.rlim_cur);
	return 0;
}

/* The path behind "0::" in /proc/self/cgroup, below the mount point in `where`. */
static int own_cgroup(const char *where, char *buf, size_t size)
{
	_cleanup_(freep) char *text = NULL;
	char *s;
	int r = probe_read("/proc/self/cgroup", TEXT_MAX, &text);

	if (r < 0)
		return r;
	s = str_starts(text, "0::") ? text : strstr(text, "\n0::");
	if (!s)
		return -ENOENT;
	s += strspn(s, "\n0:");
	s[strcspn(s, "\n")] = '\0';
	return str_print(buf, size, "%s%s", where, s);
}

/* Below .../user-UID.slice a shell is in session-N.scope, and user@UID.service is delegated. */
static int session_cgroup(const char *own, char *buf, size_t size)
{
	char slice[64];
	const char *s;

	if (str_print(slice, sizeof(slice), "/user-%u.slice/", getuid()) < 0)
		return -ENOENT;
	s = strstr(own, slice);
	if (!s)
		return -ENOENT;
	return str_print(buf, size, "%.*suser@%u.service", (int)(s - own + (long)strlen(slice)),
			 own, getuid());
}

static bool controllers_of(const char *dir, char **ret)
{
	char path[CGROUP_PATH_MAX + 64];

	return str_print(path, sizeof(path), "%s/cgroup.controllers", dir) == 0 &&
	       probe_read(path, TEXT_MAX, ret) == 0;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (*words) {
		size_t n = strcspn(words, " \n");

		if (n == len && memcmp(words, word, n) == 0)
			return true;
		words += n + strspn(words + n, " \n");
	}
	return false;
}

static int try_cgroup(const char *dir)
{
	char leaf[CGROUP_PATH_MAX + 64];
	int r;

	r = str_print(leaf, sizeof(leaf), "%s/carrel-probe-%d", dir, getpid());
	if (r < 0)
		return r;
	if (mkdir(leaf, 0755) < 0)
		return -errno;
	(void)rmdir(leaf);
	return 0;
}

/* A cgroup v2 directory with memory and pids in which we can make cgroups. -ENOENT: none has them;
 * another error: why none can be made in dir. */
static int delegated(char dir[CGROUP_PATH_MAX], const char **ret_how)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char own[CGROUP_PATH_MAX];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(mounts) * 2; i++) {
		_cleanup_(freep) char *words = NULL;
		bool session = i % 2;

		if (own_cgroup(mounts[i / 2], own, sizeof(own)) < 0)
			continue;
		if (session ? session_cgroup(own, dir, CGROUP_PATH_MAX) < 0
			    : str_copy(dir, CGROUP_PATH_MAX, own) < 0)
			continue;
		if (!controllers_of(dir, &words) || !has_word(words, "memory") ||
		    !has_word(words, "pids"))
			continue;
		r = try_cgroup(dir);
		if (r == 0) {
			*ret_how = session ? "session" : "own";
			return 0;
		}
	}
	return r;
}

int probe_cgroup(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	char dir[CGROUP_PATH_MAX];
	const char *how = "";
	int r = delegated(dir, &how);

	(void)h;
	(void)err;
	if (r == -ENOENT) {
		probe_degraded(ret, DCODE_NO_CGROUP,
			       "no cgroup v2 with the memory and pids controllers around here");
	} else if (r < 0) {
		probe_degraded(ret, DCODE_NO_CGROUP, "make a cgroup in %s: %s", dir, strerror(-r));
	} else {
		probe_fact(ret, "path", dir);
		probe_fact(ret, "how", how);
		probe_say(ret, "cgroup v2 (%s)",
			  str_eq(how, "own") ? "around here" : "of the user's session");
	}
	return 0;
}

int probe_controllers(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	static const char *const wanted[] = { "cpu", "memory", "pids", "cpuset", "io" };
	enum { USUAL = 3 }; /* what systemd delegates by itself */
	char dir[CGROUP_PATH_MAX], have[64] = "", missing[64] = "";
	_cleanup_(freep) char *words = NULL;
	bool bad = false;
	const char *how;

	(void)h;
	(void)err;
	if (delegated(dir, &how) < 0 || !controllers_of(dir, &words)) {
		probe_skip(ret, "no cgroup is delegated");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		bool there = has_word(words, wanted[i]);
		char *to = there ? have : missing;
		size_t len = strlen(to);

		(void)snprintf(to + len, sizeof(have) - len, "%s%s", len ? " " : "", wanted[i]);
		bad |= !there && i < USUAL;
	}
	probe_fact(ret, "have", have);
	probe_fact(ret, "missing", missing);
	if (bad)
		probe_degraded(ret, DCODE_NO_CONTROLLER, "not delegated in %s: %s", dir, missing);
	else
		probe_say(ret, "%s%s%s", have, *missing ? ", not " : "", missing);
	return 0;
}

static bool host_swaps(void)
{
	_cleanup_(freep) char *text = NULL;
	const char *line;

	if (probe_read("/proc/swaps", TEXT_MAX, &text) < 0)
		return false;
	line = strchr(text, '\n');
	return line && line[1];
}

int probe_swap(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	char dir[CGROUP_PATH_MAX], path[CGROUP_PATH_MAX + 64];
	const char *how;

	(void)h;
	(void)err;
	if (delegated(dir, &how) < 0) {
		probe_skip(ret, "no cgroup is delegated");
	} else if (!host_swaps()) {
		probe_say(ret, "the host has no swap");
	} else if (str_print(path, sizeof(path), "%s/memory.swap.max", dir) == 0 &&
		   access(path, F_OK) == 0) {
		probe_say(ret, "swap is accounted");
	} else {
		probe_degraded(ret, DCODE_NO_SWAP_LIMIT, "there is no %s", path);
	}
	return 0;
}

int probe_linger(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	const struct passwd *pw = getpwuid(getuid());
	char manager[64], linger[512];

	(void)h;
	(void)err;
	(void)snprintf(manager, sizeof(manager), "/run/user/%u/systemd", getuid());
	if (!pw || access(manager, F_OK) < 0) {
		probe_skip(ret, "systemd runs no session of this user");
		return 0;
	}
	if (str_print(linger, sizeof(linger), "/var/lib/systemd/linger/%s", pw->pw_name) == 0 &&
	    access(linger, F_OK) == 0)
		probe_say(ret, "the user lingers");
	else
		probe_degraded(ret, DCODE_NO_LINGER,
			       "%s does not linger: limited containers end at logout", pw->pw_name);
	return 0;
}

int probe_batch(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	static const struct {
		const char *name, *variable;
	} systems[] = {
		{ "Slurm", "SLURM_JOB_ID" }, { "PBS", "PBS_JOBID" },  { "LSF", "LSB_JOBID" },
		{ "Flux", "FLUX_JOB_ID" },   { "OAR", "OAR_JOB_ID" },
	};

	(void)h;
	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++) {
		const char *job = secure_getenv(systems[i].variable);

		if (!job || !*job)
			continue;
		probe_fact(ret, "system", systems[i].name);
		probe_fact(ret, "job", job);
		probe_say(ret, "in job %.64s of %s", job, systems[i].name);
		return 0;
	}
	probe_skip(ret, "in no batch job");
	return 0;
}
