/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/account.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_find.h"
#include "runtime/logout.h"

enum {
	TEXT_MAX = 64 << 10,
	ALL = CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPUSET | CGROUP_IO,
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

static bool host_swaps(void)
{
	_cleanup_(freep) char *text = NULL;
	const char *line;

	if (path_load(AT_FDCWD, "/proc/swaps", TEXT_MAX, &text, NULL) < 0)
		return false;
	line = strchr(text, '\n');
	return line && line[1];
}

static void judge_cgroup(const struct cgroup_place *place, struct probe_result *ret)
{
	enum { USUAL = CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS }; /* systemd delegates these */
	char have[64], missing[64];

	cgroup_controllers_text(place->offers, have);
	cgroup_controllers_text(ALL & ~place->offers, missing);
	probe_fact(ret, "have", have);
	probe_fact(ret, "missing", missing);
	if (USUAL & ~place->offers) {
		probe_degraded(ret, DCODE_NO_CONTROLLER, "not delegated in /%s: %s", place->path,
			       missing);
		if (access("/run/systemd/system", F_OK) < 0)
			(void)snprintf(ret->fix, sizeof(ret->fix),
				       "ask an administrator to write them into "
				       "cgroup.subtree_control of the cgroups above");
	} else if (host_swaps() && faccessat(place->fd, "memory.swap.max", F_OK, 0) < 0)
		probe_degraded(ret, DCODE_NO_SWAP_LIMIT, "there is no memory.swap.max in /%s",
			       place->path);
	else
		probe_say(ret, "cgroup v2 with %s%s%s%s", have, *missing ? ", not " : "", missing,
			  *missing ? " (D-20 for their options)" : "");
	ret->lacks = *missing;
}

/* Locating it asks systemd, as a start does: this child is then in the scope, which ends with it.
 */
int probe_cgroup(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	struct cgroup_place place = { .fd = -1 };
	char id[ID_LEN + 1], leaf[ID_TEMP_LEN + 16], temp[ID_TEMP_LEN + 1];
	_cleanup_(fd_closep) int libexec = proc_open_libexec(err);
	char unit[ID_SHORT_LEN + 16];
	struct error e = { 0 };
	bool scoped;
	int r;

	(void)h;
	if (libexec < 0)
		return libexec;
	r = cgroup_locate(ALL, id_hex(id, ID_LEN / 2), libexec, &place, &e);
	if (r < 0 && e.dcode == DCODE_NONE) {
		*err = e; /* no fallback is taken then: a wrong line in carrel.conf */
		if (!err->hint[0])
			error_hint(err, "carrel.conf(5) says what may be there");
		return r;
	}
	if (r < 0) {
		probe_degraded(ret, e.dcode, "%s", e.text);
		return 0;
	}
	(void)snprintf(unit, sizeof(unit), "/carrel-%.*s-", ID_SHORT_LEN, id);
	scoped = strstr(place.path, unit);
	probe_fact(ret, "path", place.path);
	probe_fact(ret, "how", scoped ? "scope" : (place.own ? "own" : "subtree"));
	(void)snprintf(leaf, sizeof(leaf), "carrel-probe-%s", id_temp(temp));
	if (mkdirat(place.fd, leaf, 0755) < 0) {
		probe_degraded(ret, DCODE_NO_CGROUP, "make a cgroup in /%s: %s", place.path,
			       strerror(errno));
	} else {
		(void)unlinkat(place.fd, leaf, AT_REMOVEDIR);
		judge_cgroup(&place, ret);
	}
	fd_close(place.fd);
	return 0;
}

/* What one with limits does, where it would be: found as a start finds it. false: there is no
 * cgroup for it (D-08, D-20), and it is where one without limits is. */
static bool find_limited(int *ret_r, struct error *err)
{
	_cleanup_(fd_closep) int libexec = proc_open_libexec(NULL);
	struct cgroup_place place = { .fd = -1 };
	char id[ID_LEN + 1];

	*ret_r = 0;
	if (libexec < 0 || cgroup_locate(ALL, id_hex(id, ID_LEN / 2), libexec, &place, NULL) < 0)
		return false;
	*ret_r = logout_check(place.path, err);
	fd_close(place.fd);
	return true;
}

static void judge_linger(const char *user, struct probe_result *ret)
{
	struct error limited = { 0 }, session = { 0 };
	bool in_cgroup;
	int r, q;

	in_cgroup = find_limited(&r, &limited);
	q = logout_check_place(LOGOUT_SESSION, getuid(), &session);
	if (q < 0) {
		if (in_cgroup)
			(void)snprintf(ret->fix, sizeof(ret->fix), "%s", session.hint);
		else
			(void)snprintf(ret->fix, sizeof(ret->fix),
				       "ask an administrator: KillExcludeUsers=%s in "
				       "logind.conf(5)",
				       user);
		probe_degraded(ret, DCODE_NO_LINGER, "a container%s: %s%s%s",
			       in_cgroup ? " without limits" : "", session.text,
			       r < 0 ? "; one with limits: " : "", limited.text);
	} else if (r < 0) {
		(void)snprintf(ret->fix, sizeof(ret->fix),
			       "loginctl enable-linger %s (on some hosts by an administrator)",
			       user);
		probe_degraded(ret, DCODE_NO_LINGER, "a container with limits: %s", limited.text);
	} else {
		probe_say(ret, "what runs stays at logout");
	}
}

int probe_linger(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(account_done) struct account a = { 0 };
	char path[64];

	(void)h;
	(void)err;
	(void)snprintf(path, sizeof(path), "/run/user/%u/systemd", getuid());
	if (account_get(getuid(), &a) < 0 || access(path, F_OK) < 0)
		probe_skip(ret, "systemd runs no session of this user");
	else
		judge_linger(a.name, ret);
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
