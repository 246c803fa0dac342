/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/cgroup_find.h"
#include "runtime/cgroup_set.h"
#include "runtime/cgroup_value.h"

/*
 * Theory of operation. Below the place that cgroup_find() gives:
 *	carrel-<id>		the container: pid 1 is cloned into it, exec joins it, limits are
 *its carrel-<id>.super	us, where we were in the place ourselves: a cgroup with controllers for its
 *children holds no process Where no place has the controllers, the user's service manager is asked
 *for a scope with Delegate=yes around this process (one bus call, by libexec/carrel/scope), and
 *that is the place. Only the controllers that are wanted are switched on, one write each: a line
 *with one that is not there fails as a whole.
 */
enum {
	END_MS = 2000,	  /* for the last process of an ended container */
	SCOPE_MS = 12000, /* the helper gives up earlier, by itself, and says why */
	FREEZE_MS = 10000,
	UNIT_MAX = 64,
};

/* Run scope with these words; what it prints is the error. */
static int run_scope(int libexec_fd, char *const *argv, struct error *err)
{
	_cleanup_(freep) char *said = NULL;
	struct proc_spec spec = {
		.dirfd = libexec_fd, .path = "scope", .argv = argv, .flags = PROC_PDEATHSIG
	};
	struct proc_fd fd = { .to = 1 };
	int fds[2], status = 0, r;
	struct pollfd p;
	struct proc proc;

	if (faccessat(libexec_fd, "scope", X_OK, 0) < 0) {
		error_set(err, -EOPNOTSUPP, "carrel was built without libsystemd");
		return -EOPNOTSUPP;
	}
	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	fd.from = fds[1];
	spec.fds = &fd;
	spec.n_fds = 1;
	r = proc_spawn(&spec, &proc, err);
	fd_close(fds[1]);
	p = (struct pollfd){ .fd = r < 0 ? -1 : proc.pidfd, .events = POLLIN };
	if (r == 0 && poll(&p, 1, SCOPE_MS) == 1)
		r = proc_wait(&proc, &status);
	else if (r == 0)
		r = error_set(err, -ETIME, "the user's service manager does not answer");
	if (r == 0 && status)
		r = fd_read_to_end(fds[0], 512, &said, NULL);
	fd_close(fds[0]);
	if (p.fd >= 0)
		proc_kill(&proc);
	if (r < 0 || status == 0)
		return r;
	said[strcspn(said, "\n")] = '\0';
	return error_set(err, -EOPNOTSUPP, "%s", *said ? said : "libexec/carrel/scope was killed");
}

static int make_scope(const char *id, int libexec_fd, struct error *err)
{
	char unit[UNIT_MAX], temp[ID_TEMP_LEN + 1], pid[16];
	char *argv[] = { (char *)"scope", (char *)"start", unit, pid, NULL };

	/* A new name each time: the unit of the last start may still be on its way out. */
	(void)snprintf(unit, sizeof(unit), "carrel-%.*s-%.8s.scope", ID_SHORT_LEN, id,
		       id_temp(temp));
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	return run_scope(libexec_fd, argv, err);
}

int cgroup_locate(unsigned want, const char *id, int libexec_fd, struct cgroup_place *ret,
		  struct error *err)
{
	struct error found = { 0 }, bus = { 0 };
	struct cgroup_place place = { .fd = -1 };
	int r = cgroup_find(want, &place, &found);
	enum dcode missing;

	if (r < 0 && r != -EOPNOTSUPP) {
		if (err)
			*err = found;
		return r; /* the configuration is wrong */
	}
	if (r == 0 && place.offers) {
		*ret = place;
		return 0;
	}
	missing = r == 0 ? DCODE_NO_CONTROLLER : DCODE_NO_CGROUP;
	fd_close(place.fd);
	r = make_scope(id, libexec_fd, &bus);
	if (r == 0)
		return cgroup_find_own(want, ret, err);
	log_debug("cgroup", "%s; %s", found.text, bus.text);
	error_set(err, -EOPNOTSUPP, "%.150s; and no scope: %s",
		  found.text[0] ? found.text : "no delegated cgroup has the controllers", bus.text);
	error_host(err, missing);
	return -EOPNOTSUPP;
}

/* cgroup_locate() has seen that nobody is in the place but us, and perhaps the carrel above us. */
static int enter_super(int place, const char *id, struct error *err)
{
	char name[CGROUPFS_NAME_MAX], text[CGROUPFS_TEXT_MAX];
	_cleanup_(fd_closep) int fd = -1;
	int r = 0;

	cgroupfs_super_name(id, name);
	/* There already: it was lived in when the container ended the last time. */
	if (mkdirat(place, name, 0755) < 0 && errno != EEXIST)
		return error_sys(err, "make cgroup %s", name);
	fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : cgroupfs_enter(fd, getpid());
	if (r == 0)
		r = cgroupfs_read(place, "cgroup.procs", text, sizeof(text));
	if (r > 0)
		r = cgroupfs_enter(fd, getppid());
	if (r < 0) {
		ignore_result(cgroupfs_enter(place, getpid())); /* it came from there */
		ignore_result(cgroupfs_remove(place, name));	/* the sweep knows it */
		return error_code(err, r, "move into cgroup %s", name);
	}
	return 0;
}

/* One write each; what sticks, sticks. */
static void switch_on(int place, unsigned want)
{
	char text[CGROUPFS_TEXT_MAX];
	unsigned have = 0;

	if (cgroupfs_read(place, "cgroup.subtree_control", text, sizeof(text)) > 0)
		have = cgroup_controllers(text);
	for (unsigned one = 1; one <= want; one <<= 1) {
		int r;

		if (!(want & ~have & one))
			continue;
		(void)snprintf(text, sizeof(text), "+%s",
			       cgroup_controller_name((enum cgroup_controller)one));
		r = cgroupfs_write(place, "cgroup.subtree_control", text);
		log_debug("cgroup", "%s: %s", text, r < 0 ? strerror(-r) : "ok");
	}
}

static int open_files(struct cgroup *c, struct error *err)
{
	c->fd = openat(c->parent_fd, c->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->fd < 0)
		return error_sys(err, "open cgroup %s", c->name);
	c->events_fd = openat(c->fd, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (c->events_fd < 0)
		return error_sys(err, "open cgroup.events of %s", c->name);
	c->oom_fd = openat(c->fd, "memory.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return 0;
}

static int make(struct cgroup *c, const struct cgroup_place *place, unsigned want, const char *id,
		struct error *err)
{
	int r;

	if (place->own) {
		r = enter_super(place->fd, id, err);
		if (r < 0)
			return r;
		c->has_super = !place->scope; /* that goes with us */
	}
	switch_on(place->fd, want);
	if (mkdirat(c->parent_fd, c->name, 0755) < 0)
		return error_sys(err, "make cgroup /%s", c->path);
	return open_files(c, err);
}

/* The unit that the record's path leads through, and the rest: "U.scope", "carrel-<id>". */
static int split_scope(const char *path, const char *id, char unit[UNIT_MAX])
{
	const char *last = strrchr(path, '/'), *p;
	char name[CGROUPFS_NAME_MAX], begin[UNIT_MAX];

	if (!last || !str_eq(last + 1, cgroupfs_name(id, name)))
		return -EINVAL;
	for (p = last; p > path && p[-1] != '/'; p--)
		;
	(void)snprintf(begin, sizeof(begin), "carrel-%.*s-", ID_SHORT_LEN, id);
	if (!str_starts(p, begin) || (size_t)(last - p) >= UNIT_MAX ||
	    strncmp(last - 6, ".scope", 6) != 0)
		return -EOPNOTSUPP;
	memcpy(unit, p, (size_t)(last - p));
	unit[last - p] = '\0';
	return 0;
}

int cgroup_weigh_scope(const char *path, const char *id, int libexec_fd, uint64_t shares,
		       struct error *err)
{
	char unit[UNIT_MAX], number[16];
	char *argv[] = { (char *)"scope", (char *)"weigh", unit, number, NULL };
	int r = split_scope(path, id, unit);

	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return error_set(err, r, "cgroup /%s is not the container's", path);
	(void)snprintf(number, sizeof(number), "%" PRIu32,
		       cgroup_weight_of_shares(shares ? shares : CGROUP_SHARES_DEFAULT));
	return run_scope(libexec_fd, argv, err);
}

int cgroup_create(const struct cgroup_request *req, struct cgroup *ret, struct enforced *rows,
		  struct error *err)
{
	unsigned want = cgroup_set_needs(req->limits);
	struct cgroup_place place = { .fd = -1 };
	struct cgroup c = CGROUP_NONE;
	size_t n_before = rows->n;
	int r;

	r = cgroup_locate(want, req->id, req->libexec_fd, &place, err);
	if (r < 0)
		return r;
	c.parent_fd = place.fd;
	cgroupfs_name(req->id, c.name);
	r = str_print(c.path, sizeof(c.path), "%s%s%s", place.path, *place.path ? "/" : "", c.name);
	if (r < 0)
		error_code(err, r, "name the cgroup below %s", place.path);
	if (r == 0)
		r = req->record(c.path, req->data, err);
	if (r == 0)
		r = make(&c, &place, want, req->id, err);
	if (r == 0)
		r = cgroup_set_all(c.fd, req->limits, rows, err);
	if (r == 0 && req->limits->cpu_shares)
		r = cgroup_weigh_scope(c.path, req->id, req->libexec_fd, req->limits->cpu_shares,
				       err);
	if (r < 0) {
		rows->n = n_before;
		ignore_result(cgroup_end(&c)); /* what stays is empty, and on record */
		return r;
	}
	*ret = c;
	return 0;
}

void cgroup_done(struct cgroup *c)
{
	fd_close(TAKE_FD(c->fd));
	fd_close(TAKE_FD(c->parent_fd));
	fd_close(TAKE_FD(c->events_fd));
	fd_close(TAKE_FD(c->oom_fd));
}

bool cgroup_end(struct cgroup *c)
{
	int r = 0;

	if (c->parent_fd >= 0) {
		if (c->events_fd >= 0)
			r = cgroupfs_wait(c->events_fd, "populated", 0, END_MS);
		if (r == 0)
			r = cgroupfs_remove(c->parent_fd, c->name);
		if (r == -ENOENT)
			r = 0;
		if (c->has_super)
			(void)cgroupfs_remove_super(c->parent_fd, c->name + strlen("carrel-"));
		if (r < 0)
			log_debug("cgroup", "remove %s: %s", c->path, strerror(-r));
	}
	cgroup_done(c);
	return r == 0;
}

int cgroup_attach(const char *path, const char *id, int libexec_fd, pid_t pid, struct error *err)
{
	char unit[UNIT_MAX], number[16], name[CGROUPFS_NAME_MAX];
	char *argv[] = { (char *)"scope", (char *)"attach", unit, number, name, NULL };
	int r = split_scope(path, id, unit);

	if (r < 0)
		return error_set(err, r, "cgroup /%s is in no scope of carrel's", path);
	(void)snprintf(number, sizeof(number), "%d", pid);
	cgroupfs_name(id, name);
	return run_scope(libexec_fd, argv, err);
}

int cgroup_open(const char *path, const char *id)
{
	_cleanup_(fd_closep) int root = -1;
	char name[CGROUPFS_NAME_MAX];
	const char *last = strrchr(path, '/');

	if (!str_eq(last ? last + 1 : path, cgroupfs_name(id, name)))
		return -EINVAL;
	root = cgroupfs_open_root();
	return root < 0 ? root : cgroupfs_open(root, path);
}

int cgroup_freeze(int fd, bool freeze, struct error *err)
{
	_cleanup_(fd_closep) int events =
		openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = events < 0 ? -errno : cgroupfs_write(fd, "cgroup.freeze", freeze ? "1" : "0");

	if (r == 0 && freeze)
		r = cgroupfs_wait(events, "frozen", 1, FREEZE_MS);
	if (r == -ETIME) {
		ignore_result(cgroupfs_write(fd, "cgroup.freeze", "0")); /* as it was */
		return error_set(err, r, "its processes do not come to rest within %d s",
				 FREEZE_MS / 1000);
	}
	return r < 0 ? error_code(err, r, "%s the container's cgroup", freeze ? "freeze" : "thaw")
		     : 0;
}

static void switch_on_above(int fd, unsigned want)
{
	_cleanup_(fd_closep) int above =
		openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (above >= 0)
		switch_on(above, want);
}

/* What its controllers are, or can be. */
static unsigned reach(int fd)
{
	_cleanup_(fd_closep) int above =
		openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char text[CGROUPFS_TEXT_MAX];
	unsigned set = 0;

	if (cgroupfs_read(fd, "cgroup.controllers", text, sizeof(text)) > 0)
		set = cgroup_controllers(text);
	if (above >= 0 && cgroupfs_read(above, "cgroup.controllers", text, sizeof(text)) > 0)
		set |= cgroup_controllers(text);
	return set;
}

int cgroup_update(int fd, const struct limits *old, const struct limits *limits,
		  struct enforced *rows, struct cgroup_saved *saved, struct error *err)
{
	struct limits changed = cgroup_set_changed(old, limits);
	unsigned missing = cgroup_set_needs(&changed) & ~reach(fd);
	const char *what, *file;
	char names[64];
	int r;

	if (missing) {
		error_set(err, -EOPNOTSUPP, "the container's cgroup has no controller %s",
			  cgroup_controllers_text(missing, names));
		error_host(err, DCODE_NO_CONTROLLER);
		return -EOPNOTSUPP;
	}
	switch_on_above(fd, cgroup_set_needs(limits));
	what = cgroup_set_lacks(fd, &changed, &file);
	if (what) {
		error_set(err, -EOPNOTSUPP, "--%s: the container's cgroup has no file %s", what,
			  file);
		if (str_eq(what, "blkio-weight"))
			error_hint(err, "the kernel has it with iocost or the scheduler bfq only");
		error_host(err, DCODE_NO_CONTROLLER);
		return -EOPNOTSUPP;
	}
	r = cgroup_set_save(fd, saved);
	if (r < 0)
		return error_code(err, r, "keep the limits that the container has");
	r = cgroup_set_lift(fd, old, limits, err);
	if (r == 0)
		r = cgroup_set_all(fd, limits, rows, err);
	if (r < 0)
		cgroup_set_restore(fd, saved);
	return r;
}
