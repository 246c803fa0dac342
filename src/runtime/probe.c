/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/probe_row.h"
#include "runtime/userns.h"

enum {
	NEEDS_USERNS = 1 << 0,
	NEEDS_SUBIDS = 1 << 1,
	NEEDS_MAP = 1 << 2,
	NEEDS_STORE = 1 << 3,
	NEEDS_NETNS = 1 << 4,
};

static const struct probe rows[] = {
	{ "kernel", "kernel", 0, 0, probe_kernel },
	{ "user namespace", "userns", 0, NEEDS_USERNS, probe_userns },
	{ "subordinate ids", "subids", 0, NEEDS_SUBIDS, probe_subids },
	{ "id map", "idmap", NEEDS_USERNS | NEEDS_SUBIDS, NEEDS_MAP, probe_idmap },
	{ "private /proc", "proc", NEEDS_MAP, 0, probe_proc },
	{ "system call filter", "seccomp", 0, 0, probe_seccomp },
	{ "store", "store", 0, NEEDS_STORE, probe_store_write },
	{ "layers", "store-fs", NEEDS_MAP | NEEDS_STORE, 0, probe_store_fs },
	{ "stored layers", "stored-layers", NEEDS_SUBIDS, 0, probe_layers },
	{ "overlay", "overlay", NEEDS_MAP | NEEDS_STORE, 0, probe_overlay },
	{ "runtime directory", "runtime-dir", 0, 0, probe_runtime_dir },
	{ "network namespace", "netns", NEEDS_MAP, NEEDS_NETNS, probe_netns },
	{ "private network", "tun", NEEDS_NETNS, 0, probe_tun },
	{ "ping", "ping", 0, 0, probe_ping },
	{ "limits", "cgroup", 0, 0, probe_cgroup },
};

const struct probe *probe_table(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(rows);
	return rows;
}

int probe_enter(struct error *err)
{
	struct idmap map;
	int r = idmap_load(&map, err);

	return r < 0 ? r : userns_enter(&map, err);
}

void probe_say(struct probe_result *ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret->detail, sizeof(ret->detail), fmt, ap);
	va_end(ap);
}

void probe_degraded(struct probe_result *ret, enum dcode dcode, const char *fmt, ...)
{
	va_list ap;

	ret->level = PROBE_DEGRADED;
	ret->dcode = dcode;
	va_start(ap, fmt);
	(void)vsnprintf(ret->detail, sizeof(ret->detail), fmt, ap);
	va_end(ap);
}

static void lost(struct probe_result *ret, const struct error *err)
{
	ret->level = PROBE_LOST;
	ret->dcode = err->dcode;
	probe_say(ret, "%s%s%s", err->text, err->show_errno ? ": " : "",
		  err->show_errno ? strerror(-err->code) : "");
}

struct child {
	const struct probe *row;
	const struct probe_host *host;
	int out;
};

_Static_assert(sizeof(struct probe_result) <= 512, "a result is one atomic pipe write");

static int child_run(void *arg)
{
	struct child *c = arg;
	struct probe_result result = { 0 };
	struct error err = { 0 };

	if (c->row->run(c->host, &result, &err) < 0)
		lost(&result, &err);
	return fd_write_all(c->out, &result, sizeof(result)) < 0;
}

/* The answer of a child, which may hang in a dead file system: then it is left behind, killed. */
static void collect(struct proc *p, int out, struct probe_result *ret)
{
	struct pollfd pfd = { .fd = out, .events = POLLIN };
	int r;

	do
		r = poll(&pfd, 1, PROBE_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r == 1 && fd_read_full(out, ret, sizeof(*ret)) == 0)
		return;
	*ret = (struct probe_result){ .level = PROBE_LOST };
	if (r == 1) {
		probe_say(ret, "the probe ended without an answer");
		return;
	}
	probe_say(ret, "no answer after %d s", PROBE_TIMEOUT_MS / 1000);
	ignore_result(proc_signal(p, SIGKILL)); /* it may be beyond reach, waiting would hang too */
	proc_done(p);
}

static void run_one(const struct probe *row, const struct probe_host *host,
		    struct probe_result *ret)
{
	struct child c = { .row = row, .host = host };
	struct proc p;
	int fds[2], r;

	*ret = (struct probe_result){ .level = PROBE_LOST };
	r = fd_pipe(fds);
	if (r < 0) {
		probe_say(ret, "make a pipe: %s", strerror(-r));
		return;
	}
	c.out = fds[1];
	r = proc_clone(0, -1, child_run, &c, &p);
	fd_close(fds[1]);
	if (r == 0) {
		collect(&p, fds[0], ret);
		proc_kill(&p);
	} else {
		probe_say(ret, "start a process: %s", strerror(-r));
	}
	fd_close(fds[0]);
}

void probe_run_all(const struct probe_host *host, struct probe_result *ret)
{
	unsigned have = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if ((rows[i].needs & have) != rows[i].needs) {
			ret[i] = (struct probe_result){ .level = PROBE_SKIPPED };
			probe_say(&ret[i], "not tried: it needs what is lost above");
			continue;
		}
		run_one(&rows[i], host, &ret[i]);
		if (ret[i].level != PROBE_LOST)
			have |= rows[i].gives;
	}
}
