/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/tune.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/autogroup.h"
#include "base/num.h"
#include "base/path.h"

static const char oom_file[] = "/proc/self/oom_score_adj";

static int write_number(const char *path, int value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", value);
	return path_write_text(AT_FDCWD, path, text);
}

static int set_mems(const struct cpulist *mems, struct error *err)
{
	if (syscall(SYS_set_mempolicy, MPOL_BIND, mems->bits, CPULIST_MAX + 1) < 0)
		return error_sys(err, "bind the memory to nodes");
	return 0;
}

static int set_io(int level, struct error *err)
{
	int prio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, level);

	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, prio) < 0)
		return error_sys(err, "set the I/O priority to %d", level);
	return 0;
}

int tune_apply(const struct tune *t, struct error *err)
{
	int r = 0;

	if ((t->flags & TUNE_CPUS) &&
	    syscall(SYS_sched_setaffinity, 0, sizeof(t->cpus.bits), t->cpus.bits) < 0)
		return error_sys(err, "bind the container to CPUs");
	if (t->flags & TUNE_MEMS)
		r = set_mems(&t->mems, err);
	if (r == 0 && (t->flags & TUNE_NICE) && setpriority(PRIO_PROCESS, 0, t->nice) < 0)
		r = error_sys(err, "set nice to %d", t->nice);
	if (r == 0 && (t->flags & TUNE_IO))
		r = set_io(t->io_level, err);
	if (r == 0 && (t->flags & TUNE_OOM_ADJ)) {
		r = write_number(oom_file, t->oom_score_adj);
		if (r < 0)
			error_code(err, r, "set the OOM score to %d", t->oom_score_adj);
	}
	return r;
}

int tune_session(const struct tune *t)
{
	if (!(t->flags & TUNE_NICE))
		return 0;
	(void)setsid(); /* EPERM: it leads one */
	return autogroup_set(t->nice);
}

bool tune_session_is_lost(const struct tune *t, pid_t pid)
{
	return (t->flags & TUNE_NICE) && autogroup_differs(pid, t->nice);
}

int tune_rlimits(const struct ctr_rlimit *limits, unsigned n, struct error *err)
{
	for (unsigned i = 0; i < n; i++) {
		const struct ctr_rlimit *l = &limits[i];

		if (setrlimit((__rlimit_resource_t)l->resource, &l->value) == 0)
			continue;
		error_sys(err, "set resource limit %d", l->resource);
		if (err->code == -EPERM)
			error_hint(err, "it is above your own hard limit (ulimit -H)");
		return err->code;
	}
	return 0;
}

bool tune_can_oom_adj(int value)
{
	char text[32];
	int64_t old;

	if (path_read_line(oom_file, text, sizeof(text)) < 0 || num_i64(text, &old) < 0 ||
	    write_number(oom_file, value) < 0)
		return false;
	ignore_result(write_number(oom_file, (int)old)); /* where it was: always allowed */
	return true;
}
