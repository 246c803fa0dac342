/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "base/fd.h"
#include "cli/ctrcmd.h"
#include "runtime/cgroup.h"
#include "runtime/pidtree.h"

int ctrcmd_need_unpaused(const struct container *c, const char *what, struct error *err)
{
	if (!c->paused)
		return 0;
	error_set(err, -EBUSY, "container %s is paused", c->name);
	error_hint(err, "`carrel unpause %s` before %s", c->name, what);
	return -EBUSY;
}

/* The cgroup's directory, -1 where it has none. */
static int open_cgroup(const struct container *c)
{
	int fd = c->state.cgroup[0] ? cgroup_open(c->state.cgroup, c->id) : -1;

	return fd < 0 ? -1 : fd;
}

int ctrcmd_pause(struct container *c, struct error *err)
{
	_cleanup_(fd_closep) int cgroup = open_cgroup(c), init = ctrcmd_open_init(c, err);
	int r;

	if (init < 0)
		return init;
	/* The note first: a pause that is cut short is undone by `unpause`. */
	r = container_set_paused(c, true);
	if (r < 0)
		return error_code(err, r, "record that container %s is paused", c->name);
	r = cgroup >= 0 ? cgroup_freeze(cgroup, true, err) : pidtree_stop(c->state.pid, err);
	if (r < 0) {
		struct error ignored = { 0 };

		ignore_result(ctrcmd_unpause(c, &ignored)); /* it has ended, or goes on */
		error_prefix(err, "pause container %s", c->name);
	}
	return r;
}

int ctrcmd_unpause(struct container *c, struct error *err)
{
	_cleanup_(fd_closep) int cgroup = open_cgroup(c);
	int r;

	if (cgroup >= 0)
		r = cgroup_freeze(cgroup, false, err);
	else
		r = pidtree_continue(c->state.pid, err);
	if (r == 0) {
		r = container_set_paused(c, false);
		if (r < 0)
			error_code(err, r, "record that it goes on");
	}
	if (r < 0)
		error_prefix(err, "unpause container %s", c->name);
	return r;
}

static int set_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	const bool *pause = data;
	struct container c;
	int r;

	r = ctrcmd_find(cli, name, &c, err);
	if (r < 0)
		return r;
	r = ctrcmd_need_running(&c, err);
	if (r == 0 && *pause && c.paused)
		r = error_set(err, -EBUSY, "container %s is paused already", c.name);
	else if (r == 0 && !*pause && !c.paused)
		r = error_set(err, -EINVAL, "container %s is not paused", c.name);
	if (r == 0)
		r = *pause ? ctrcmd_pause(&c, err) : ctrcmd_unpause(&c, err);
	container_done(&c);
	return r;
}

int ctrcmd_pause_each(struct cli *cli, int argc, char **argv, bool pause, struct error *err)
{
	return ctrcmd_run_each(cli, argc, argv, set_one, CTRCMD_ECHO, &pause, err);
}
