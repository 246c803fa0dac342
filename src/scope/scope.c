/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One call to the user's service manager, for a process that is to live in a delegated cgroup:
 *	scope start UNIT PID		a new scope with Delegate=yes around PID
 *	scope attach UNIT PID NAME	PID into the cgroup NAME of a scope that is there
 *	scope weigh UNIT WEIGHT		its cpu.weight among its neighbours
 * Own program, because libsystemd is nothing for carrel itself to load; started only where a limit
 * was asked for and nothing cheaper works. PID is carrel's, never the user's shell. What fails is
 * one line on standard output, with exit status 1.
 *
 * The manager moves the process, or has the system's one do it: a login shell's session lies
 * outside of what was delegated to the user.
 */

#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

#define MANAGER \
	"org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

enum {
	TIMEOUT_US = 5000000,
	/* Between SIGTERM and SIGKILL when the manager ends it, as at logout or shutdown: a little
	 * longer than the supervisor gives the container, so that it records the end. By default
	 * it is 90 s, in which the user cannot log in again. */
	STOP_US = 15000000,
};

struct scope {
	sd_bus *bus;
	const char *job; /* its object path */
	char result[32]; /* "done", once the job has ended */
};

static int say(const char *what, int r, const sd_bus_error *e)
{
	printf("%s: %s\n", what, e && e->message ? e->message : strerror(-r));
	return EXIT_FAILURE;
}

static int connect_private(const char *dir, sd_bus **ret)
{
	_cleanup_(freep) char *address = xasprintf("unix:path=%s/systemd/private", dir);
	sd_bus *bus;
	int r = sd_bus_new(&bus);

	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

/* The bus of the environment; else the manager itself, also where su or cron left no environment.
 * /run/user/UID is made by the system for the user alone. */
static int connect_bus(sd_bus **ret)
{
	_cleanup_(freep) char *run = xasprintf("/run/user/%u", getuid());
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");
	struct stat st;
	int r;

	r = sd_bus_open_user(ret);
	if (r < 0 && xdg)
		r = connect_private(xdg, ret);
	if (r < 0 && stat(run, &st) == 0 && st.st_uid == getuid())
		r = connect_private(run, ret);
	return r;
}

static int on_job(sd_bus_message *m, void *data, sd_bus_error *e)
{
	const char *path, *unit, *result;
	struct scope *s = data;
	uint32_t id;
	int r;

	(void)e;
	r = sd_bus_message_read(m, "uoss", &id, &path, &unit, &result);
	if (r < 0)
		return r;
	if (s->job && str_eq(path, s->job))
		ignore_result(str_copy(s->result, sizeof(s->result), result)); /* "" = not done */
	return 0;
}

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int wait_for_job(struct scope *s)
{
	int64_t end = now_us() + TIMEOUT_US;
	int r;

	while (!s->result[0]) {
		r = sd_bus_process(s->bus, NULL);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (now_us() >= end)
			return -ETIME;
		r = sd_bus_wait(s->bus, (uint64_t)(end - now_us()));
		if (r < 0 && r != -EINTR)
			return r;
	}
	return str_eq(s->result, "done") ? 0 : -ECANCELED;
}

static int start(struct scope *s, const char *unit, uint32_t pid)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r;

	/* Before the call, or its answer could be missed. Signals are handed out by
	 * sd_bus_process() alone, so that none is lost while the call waits. */
	r = sd_bus_match_signal(s->bus, NULL, NULL, "/org/freedesktop/systemd1",
				"org.freedesktop.systemd1.Manager", "JobRemoved", on_job, s);
	if (r < 0)
		return say("listen to the user's service manager", r, NULL);
	r = sd_bus_call_method(s->bus, MANAGER, "StartTransientUnit", &e, &reply,
			       "ssa(sv)a(sa(sv))", unit, "fail", 5, "Description", "s",
			       "container of carrel", "PIDs", "au", 1, pid, "Delegate", "b", 1,
			       "TimeoutStopUSec", "t", (uint64_t)STOP_US, "CollectMode", "s",
			       "inactive-or-failed", 0);
	if (r < 0)
		return say("ask the user's service manager for a scope", r, &e);
	r = sd_bus_message_read(reply, "o", &s->job);
	if (r >= 0)
		r = wait_for_job(s);
	sd_bus_message_unref(reply);
	if (r < 0)
		return say("wait for the scope of the user's service manager", r, NULL);
	return EXIT_SUCCESS;
}

static int attach(struct scope *s, const char *unit, uint32_t pid, const char *name)
{
	_cleanup_(freep) char *path = xasprintf("/%s", name);
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_call_method(s->bus, MANAGER, "AttachProcessesToUnit", &e, NULL, "ssau", unit,
			       path, 1, pid);
	return r < 0 ? say("ask the user's service manager to move a process", r, &e)
		     : EXIT_SUCCESS;
}

static int weigh(struct scope *s, const char *unit, uint64_t weight)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(s->bus, MANAGER, "SetUnitProperties", &e, NULL, "sba(sv)", unit,
				   1, 1, "CPUWeight", "t", weight);

	return r < 0 ? say("ask the user's service manager for a CPU weight", r, &e) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct scope s = { 0 };
	uint32_t number; /* PID or WEIGHT */
	int r;

	if (argc < 4 || num_u32(argv[3], &number) < 0)
		return say("start", -EINVAL, NULL);
	r = connect_bus(&s.bus);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(s.bus, TIMEOUT_US);
	if (r < 0)
		return say("reach the user's service manager", r, NULL);
	if (str_eq(argv[1], "start"))
		r = start(&s, argv[2], number);
	else if (str_eq(argv[1], "attach") && argc == 5)
		r = attach(&s, argv[2], number, argv[4]);
	else if (str_eq(argv[1], "weigh"))
		r = weigh(&s, argv[2], number);
	else
		r = say("start", -EINVAL, NULL);
	sd_bus_flush_close_unref(s.bus);
	return r;
}
