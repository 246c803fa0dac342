/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
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
	NEEDS_ROOTFS = 1 << 5,
	NEEDS_LINK = 1 << 6, /* given only: what the private network is made of */
};

/* Each after those that it needs; the doctor shows them by group. */
static const struct probe rows[] = {
	{ "passwd entry", "passwd", PROBE_IDENTITY, 0, 0, 0, probe_passwd },
	{ "kernel", "kernel", PROBE_KERNEL, 0, 0, 0, probe_kernel },
	{ "user namespaces", "userns", PROBE_KERNEL, 0, 0, NEEDS_USERNS, probe_userns },
	{ "subordinate ids", "subids", PROBE_IDENTITY, 0, 0, NEEDS_SUBIDS, probe_subids },
	{ "id map", "idmap", PROBE_IDENTITY, PROBE_QUIET, NEEDS_USERNS | NEEDS_SUBIDS, NEEDS_MAP,
	  probe_idmap },
	{ "groups", "groups", PROBE_IDENTITY, 0, 0, 0, probe_groups },
	{ "own /proc", "proc", PROBE_KERNEL, 0, NEEDS_MAP, 0, probe_proc },
	{ "seccomp", "seccomp", PROBE_KERNEL, 0, 0, 0, probe_seccomp },
	{ "store", "store", PROBE_PATHS, 0, 0, NEEDS_STORE, probe_store_write },
	{ "layers", "store-fs", PROBE_IMAGES, PROBE_QUIET, NEEDS_MAP | NEEDS_STORE, 0,
	  probe_store_fs },
	{ "overlay", "overlay", PROBE_IMAGES, 0, NEEDS_MAP | NEEDS_STORE, NEEDS_ROOTFS,
	  probe_overlay },
	{ "fuse-overlayfs", "fuse", PROBE_IMAGES, PROBE_QUIET, NEEDS_MAP | NEEDS_STORE,
	  NEEDS_ROOTFS, probe_fuse },
	{ "mount flags", "mount-flags", PROBE_IMAGES, PROBE_QUIET, NEEDS_ROOTFS, 0,
	  probe_mount_flags },
	{ "stored layers", "stored-layers", PROBE_IMAGES, 0, NEEDS_SUBIDS, 0, probe_layers },
	{ "network namespaces", "netns", PROBE_NETWORK, 0, NEEDS_MAP, NEEDS_NETNS, probe_netns },
	{ "private network", "tun", PROBE_NETWORK, 0, NEEDS_NETNS, NEEDS_LINK, probe_tun },
	{ "veth pairs", "veth", PROBE_NETWORK, PROBE_QUIET, NEEDS_NETNS, NEEDS_LINK, probe_veth },
	{ "ping", "ping", PROBE_NETWORK, 0, 0, 0, probe_ping },
	{ "processes", "nproc", PROBE_LIMITS, 0, 0, 0, probe_nproc },
	{ "cgroups", "cgroup", PROBE_LIMITS, 0, 0, 0, probe_cgroup },
	{ "linger", "linger", PROBE_LIMITS, 0, 0, 0, probe_linger },
	{ "batch job", "batch", PROBE_LIMITS, 0, 0, 0, probe_batch },
	{ "home", "home", PROBE_PATHS, 0, 0, 0, probe_home },
	{ "runtime", "runtime-dir", PROBE_PATHS, 0, 0, 0, probe_runtime_dir },
	{ "tmp", "tmp", PROBE_PATHS, 0, 0, 0, probe_tmp },
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

void probe_skip(struct probe_result *ret, const char *why)
{
	ret->level = PROBE_SKIPPED;
	probe_say(ret, "%s", why);
}

static void add_fact(struct probe_result *ret, const char *key, const char *json)
{
	size_t len = strlen(ret->facts);

	/* One that does not fit is left out whole. */
	if (str_print(ret->facts + len, sizeof(ret->facts) - len, "%s\"%s\":%s", len ? "," : "",
		      key, json) < 0)
		ret->facts[len] = '\0';
}

void probe_fact(struct probe_result *ret, const char *key, const char *value)
{
	_cleanup_(str_buf_done) struct str_buf b;

	str_buf_init(&b, sizeof(ret->facts));
	str_buf_add_json(&b, value, strlen(value));
	if (str_buf_end(&b) == 0)
		add_fact(ret, key, b.s);
}

void probe_fact_u64(struct probe_result *ret, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	add_fact(ret, key, text);
}

void probe_fact_bool(struct probe_result *ret, const char *key, bool value)
{
	add_fact(ret, key, value ? "true" : "false");
}

static void lost(struct probe_result *ret, const struct error *err)
{
	ret->level = PROBE_LOST;
	ret->dcode = err->dcode;
	probe_say(ret, "%s%s%s", err->text, err->show_errno ? ": " : "",
		  err->show_errno ? strerror(-err->code) : "");
	(void)snprintf(ret->fix, sizeof(ret->fix), "%s", err->hint);
}

static void not_tried(struct probe_result *ret, const char *why)
{
	*ret = (struct probe_result){ .level = PROBE_SKIPPED, .untried = true };
	probe_say(ret, "not tried: %s", why);
}

/* The limit of processes, or of descriptors: of that the host knows nothing. */
static bool is_starved(const struct error *err)
{
	return err->dcode == DCODE_NONE && (err->code == -EAGAIN || err->code == -EMFILE);
}

struct child {
	const struct probe *row;
	const struct probe_host *host;
	int out;
};

_Static_assert(sizeof(struct probe_result) <= PIPE_BUF, "a result is one atomic pipe write");

static int child_run(void *arg)
{
	struct child *c = arg;
	struct probe_result result = { 0 };
	struct error err = { 0 };

	if (c->row->run(c->host, &result, &err) < 0) {
		lost(&result, &err);
		result.untried = is_starved(&err);
	}
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

/* -errno: it could not be tried, for want of what err says. */
static int run_one(const struct probe *row, const struct probe_host *host, struct probe_result *ret,
		   struct error *err)
{
	struct child c = { .row = row, .host = host };
	struct proc p;
	int fds[2], r;

	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	c.out = fds[1];
	r = proc_clone(0, -1, child_run, &c, &p);
	fd_close(fds[1]);
	if (r == 0) {
		collect(&p, fds[0], ret);
		proc_kill(&p);
	}
	fd_close(fds[0]);
	if (r < 0)
		return proc_clone_error(err, r, "a process");
	if (!ret->untried || ret->level != PROBE_LOST)
		return 0;
	error_set(err, -EAGAIN, "%s", ret->detail);
	error_hint(err, "%s", *ret->fix ? ret->fix : "`ulimit -a` shows your limits");
	return -EAGAIN;
}

/* Lost, but what it gives came from another row: that is the fallback, and it works. */
static void weigh(unsigned have, struct probe_result *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (ret[i].level == PROBE_LOST && rows[i].gives &&
		    (have & rows[i].gives) == rows[i].gives)
			ret[i].level = PROBE_DEGRADED;
	}
}

/* One finding for all that could not be tried: none of them is known to be lost. */
static void tell_starved(const struct error *err, unsigned n, struct probe_result *ret)
{
	struct probe_result *row = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(rows[i].key, PROBE_STARTING))
			row = &ret[i];
	if (!row || !n)
		return;
	*row = (struct probe_result){ 0 };
	lost(row, err);
	probe_say(row, "%u %s not be tried: %s%s%s", n, n == 1 ? "probe could" : "probes could",
		  err->text, err->show_errno ? ": " : "",
		  err->show_errno ? strerror(-err->code) : "");
}

void probe_run_all(const struct probe_host *host, struct probe_result *ret)
{
	struct error starved = { 0 };
	unsigned have = 0, n_starved = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = { 0 };

		if ((rows[i].needs & have) != rows[i].needs) {
			not_tried(&ret[i], "it needs what is lost");
			continue;
		}
		if (run_one(&rows[i], host, &ret[i], &err) < 0) {
			if (!n_starved++)
				starved = err;
			not_tried(&ret[i], err.text);
			continue;
		}
		if (ret[i].level != PROBE_LOST && !ret[i].untried)
			have |= rows[i].gives;
	}
	weigh(have, ret);
	tell_starved(&starved, n_starved, ret);
}

void probe_run(const char *key, const struct probe_host *host, struct probe_result *ret)
{
	struct error err = { 0 };

	*ret = (struct probe_result){ .level = PROBE_SKIPPED };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(rows[i].key, key) && run_one(&rows[i], host, ret, &err) < 0)
			lost(ret, &err);
}
