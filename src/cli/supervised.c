/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/supervised.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/timefmt.h"
#include "cli/attach.h"
#include "cli/tty.h"
#include "storage/ctrstate.h"
#include "supervisor/start.h"

enum {
	LISTEN_MAX = 16, /* clients that wait to be accepted */
};

/* Everything that is made on the host side. Indexed by enum super_fd; -1 = absent. */
struct starter {
	struct launch *l;
	enum supervised_flags flags;
	int fds[SUPER_FD_END];
	int child_stdio[3]; /* without a tty */
	int janitor_read;
	struct super_start start;
	char socket_name[ID_LEN + 8];
};

static int open_listener(struct starter *st, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int runtime = st->l->store->runtime_fd;
	_cleanup_(fd_closep) int sock = -1;
	int r;

	attach_socket_name(st->l->ctr->id, st->socket_name);
	r = str_print(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", runtime,
		      st->socket_name);
	if (r < 0)
		return error_code(err, r, "name the attach socket");
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return error_sys(err, "make the attach socket");
	/* We hold the lock for life: a socket that is there belongs to nobody. */
	(void)unlinkat(runtime, st->socket_name, 0);
	if (bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return error_sys(err, "bind the attach socket in %s", st->l->store->runtime_path);
	st->fds[SUPER_LISTEN_FD] = TAKE_FD(sock);
	return 0;
}

static int open_file(struct starter *st, enum super_fd slot, const char *name, int flags,
		     struct error *err)
{
	int fd = openat(st->l->ctr->dirfd, name,
			O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, 0600);

	if (fd < 0)
		return error_sys(err, "open %s of container %.12s", name, st->l->ctr->id);
	st->fds[slot] = fd;
	return 0;
}

static int open_state(const struct starter *st, int *ret, struct error *err)
{
	if (!(st->flags & SUPERVISED_ATTACH))
		return 0;
	*ret = openat(st->l->ctr->dirfd, "state.next", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? error_sys(err, "open state.next of container %.12s", st->l->ctr->id) : 0;
}

static int dup_to(struct starter *st, enum super_fd slot, int fd)
{
	int own = fd_dup(fd);

	if (own < 0)
		return own;
	st->fds[slot] = own;
	return 0;
}

/* Pipes between supervisor and container; stdin is /dev/null without -i. */
static int open_pipes(struct starter *st, struct error *err)
{
	int fds[2], r = 0;

	if (st->l->rec->tty)
		return 0;
	if (!st->l->rec->open_stdin) {
		st->child_stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		r = st->child_stdio[0] < 0 ? -errno : 0;
	}
	for (int i = 0; i < 3 && r == 0; i++) {
		if (st->child_stdio[i] >= 0)
			continue;
		r = fd_pipe(fds);
		if (r < 0)
			break;
		st->child_stdio[i] = fds[i > 0];
		st->fds[SUPER_IN_FD + i] = fds[i == 0];
	}
	return r < 0 ? error_code(err, r, "make the container's pipes") : 0;
}

static int open_client(struct starter *st, int *ret_sock, struct error *err)
{
	int pair[2];

	*ret_sock = -1;
	if (!(st->flags & SUPERVISED_ATTACH))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	*ret_sock = pair[0];
	st->fds[SUPER_CLIENT_FD] = pair[1];
	return 0;
}

static int open_janitor(struct starter *st, struct error *err)
{
	int fds[2], r;

	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	st->janitor_read = fds[0];
	st->fds[SUPER_JANITOR_FD] = fds[1];
	return 0;
}

static int fill_start(struct starter *st, struct error *err)
{
	struct stat ns;
	int sig, r = ctrconf_stop_signal(st->l->rec, &sig, err);

	if (r < 0)
		return r;
	if (stat("/proc/self/ns/user", &ns) < 0)
		return error_sys(err, "look at /proc/self/ns/user");
	st->start = (struct super_start){
		.version = SUPER_START_VERSION,
		.flags = (st->l->rec->tty ? SUPER_TTY : 0) |
			 (st->flags & SUPERVISED_ATTACH ? SUPER_STDIN_ONCE : 0),
		.stop_signal = (uint32_t)sig,
		.userns_dev = ns.st_dev,
		.userns_ino = ns.st_ino,
	};
	memcpy(st->start.socket_name, st->socket_name, sizeof(st->start.socket_name));
	return 0;
}

static int starter_prepare(struct starter *st, struct supervised *s, struct error *err)
{
	int done[2], r;

	if (faccessat(st->l->libexec_fd, "supervisor", X_OK, 0) < 0)
		return error_sys(err, "find the helper program `supervisor`");
	r = open_client(st, &s->sock, err);
	if (r == 0)
		r = open_listener(st, err);
	if (r == 0)
		r = open_file(st, SUPER_STATE_FD, "state.next", O_TRUNC, err);
	/* A place for the exit status, whatever its log fills. Where that is not to be had, a full
	 * disk makes 137 of it. */
	if (r == 0)
		ignore_result(fallocate(st->fds[SUPER_STATE_FD], FALLOC_FL_KEEP_SIZE, 0,
					CONTAINER_STATE_MAX));
	/* For whoever waits here: with --rm there is no record at the end. */
	if (r == 0)
		r = open_state(st, &s->state_fd, err);
	if (r == 0)
		r = open_file(st, SUPER_LOG_FD, "log", O_APPEND, err);
	if (r == 0)
		r = open_pipes(st, err);
	if (r == 0 && st->l->rec->remove)
		r = open_janitor(st, err);
	if (r == 0)
		r = fill_start(st, err);
	if (r < 0)
		return r;
	r = dup_to(st, SUPER_DIR_FD, st->l->ctr->dirfd);
	if (r == 0)
		r = dup_to(st, SUPER_RUNTIME_FD, st->l->store->runtime_fd);
	if (r == 0)
		r = dup_to(st, SUPER_LOCK_FD, st->l->lock_fd);
	if (r == 0)
		r = fd_pipe(done);
	if (r < 0)
		return error_code(err, r, "prepare the supervisor's descriptors");
	s->done_fd = done[0];
	st->fds[SUPER_DONE_FD] = done[1];
	return 0;
}

static void starter_close(struct starter *st)
{
	for (int i = 0; i < SUPER_FD_END; i++)
		fd_close(TAKE_FD(st->fds[i]));
	for (int i = 0; i < 3; i++)
		fd_close(TAKE_FD(st->child_stdio[i]));
	fd_close(TAKE_FD(st->janitor_read));
}

/* --- in the child --- */

static int null_stdio(int first, int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), r = 0;

	if (null < 0)
		return -errno;
	for (int fd = first; fd <= last && r >= 0; fd++)
		r = dup2(null, fd) < 0 ? -errno : 0;
	if (null > 2)
		fd_close(null);
	return r;
}

/* The supervisor has removed the container's cgroup, and could not remove that which it was in
 * itself: as long as that is there nobody gets into the caller's own. */
static int leave_leaf(struct container *c)
{
	int r = container_read_state(c->dirfd, &c->state);

	if (r < 0 || c->state.status != CONTAINER_EXITED)
		return r; /* killed: the sweep knows what to do */
	r = cgroupfs_reclaim(c->state.cgroup, c->id);
	if (r != 0)
		return r < 0 ? r : 0; /* another container's supervisor is in it: later, then */
	c->state.cgroup[0] = '\0';
	return container_write_state(c->dirfd, &c->state);
}

/*
 * The janitor of --rm, and of a supervisor in a leaf: waits in U, with nothing but the store's
 * descriptors, for the supervisor's end, and removes the record, or the leaf. It keeps the lock, so
 * that nobody else begins to remove, and the `done` pipe, for which `run` waits.
 */
static int janitor(void *arg)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct starter *st = arg;
	struct store *s = st->l->store;
	int keep[] = { st->janitor_read, st->fds[SUPER_LOCK_FD], st->fds[SUPER_DONE_FD],
		       s->root_fd,	 s->runtime_fd,		 st->l->ctr->dirfd };
	char c;

	proc_hear_write_errors();
	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGINT, &ignore, NULL);
	(void)sigaction(SIGTERM, &ignore, NULL);
	if (null_stdio(0, 2) < 0 || proc_close_fds(keep, ARRAY_SIZE(keep)) < 0)
		return EXIT_OURS;
	ignore_result(fd_read_full(st->janitor_read, &c, 1)); /* its end is what we wait for */
	if (!st->l->rec->remove)
		return leave_leaf(st->l->ctr) < 0 ? EXIT_OURS : 0;
	return launch_remove(s, st->l->ctr, NULL) < 0 ? EXIT_OURS : 0;
}

static int start_janitor(struct starter *st, struct error *err)
{
	struct proc p;
	int r;

	if (st->janitor_read < 0)
		return 0;
	/* The janitor itself must not hold the end that it waits for. */
	r = proc_clone(0, -1, janitor, st, &p);
	if (r < 0)
		return error_code(err, r, "start the janitor");
	proc_done(&p);
	return 0;
}

static void hand_over_cgroup(struct starter *st)
{
	const struct cgroup *c = st->l->cgroup;

	st->fds[SUPER_CGROUP_FD] = c->parent_fd;
	st->fds[SUPER_CGEVENTS_FD] = c->events_fd;
	if (c->oom_fd >= 0)
		st->fds[SUPER_OOM_FD] = c->oom_fd;
	st->start.flags |= c->has_super ? SUPER_IN_LEAF : 0;
	memcpy(st->start.cgroup_name, c->name, sizeof(st->start.cgroup_name));
}

static int exec_supervisor(struct starter *st, struct launched *d, int report, struct error *err)
{
	static char *const argv[] = { (char *)"carrel-supervisor", NULL };
	static char *const envp[] = { NULL };
	int keep[SUPER_FD_END + 2], moved[SUPER_FD_END], libexec, r;
	unsigned n = 0;

	st->fds[SUPER_PIDFD] = d->ctr.init.pidfd;
	st->fds[SUPER_SERVER_FD] = d->ctr.server.pidfd;
	st->fds[SUPER_NET_FD] = d->has_net ? d->net.control_fd : -1;
	st->fds[SUPER_NETPROC_FD] = d->has_net ? d->net.proc.pidfd : -1;
	/* Without them a supervisor that is told to stop gives pid 1 its time in any case. */
	st->fds[SUPER_STATUS_FD] = proc_open_file(d->ctr.init.pid, "status");
	st->fds[SUPER_SYSCALL_FD] = proc_open_file(d->ctr.init.pid, "syscall");
	st->fds[SUPER_STAT_FD] = proc_open_file(d->ctr.init.pid, "stat");
	st->fds[SUPER_CHILDREN_FD] = proc_open_file(d->ctr.init.pid, "children");
	st->fds[SUPER_OOM_FD] = d->enforce.oom_fd;
	st->fds[SUPER_WATCHDOG_FD] = d->enforce.watchdog.pidfd;
	if (st->l->rec->tty) {
		st->fds[SUPER_OUT_FD] = d->ctr.pty_master;
		st->fds[SUPER_IN_FD] = d->ctr.pty_master;
	}
	if (st->l->cgroup)
		hand_over_cgroup(st);
	if (enforce_owner(&d->enforce, &st->l->map))
		st->start.flags |= SUPER_OWNED;
	st->start.state = st->l->ctr->state;
	for (int i = 0; i < SUPER_FD_END; i++)
		if (st->fds[i] >= 0)
			st->start.fds |= 1u << i;
	r = fd_memfd("start", &st->start, sizeof(st->start));
	if (r < 0)
		return error_code(err, r, "make the supervisor's start record");
	st->fds[SUPER_START_FD] = r;

	/* Out of the way first, then each to its number. */
	libexec = fcntl(st->l->libexec_fd, F_DUPFD_CLOEXEC, SUPER_FD_END);
	for (int i = 0; i < SUPER_FD_END; i++) {
		moved[i] = -1;
		if (st->fds[i] < 0)
			continue;
		moved[i] = fcntl(st->fds[i], F_DUPFD_CLOEXEC, SUPER_FD_END);
		if (moved[i] < 0)
			return error_sys(err, "move a descriptor");
	}
	for (int i = SUPER_START_FD; i < SUPER_FD_END; i++) {
		if (moved[i] < 0)
			continue;
		if (dup2(moved[i], i) < 0)
			return error_sys(err, "move a descriptor");
		keep[n++] = i;
	}
	keep[n++] = libexec;
	keep[n++] = report;
	r = proc_close_fds(keep, n);
	if (r == 0)
		r = null_stdio(0, 2);
	/* The caller's directory is not held busy by a container that outlives the shell. */
	if (r == 0 && chdir("/") < 0)
		r = -errno;
	if (r == 0)
		r = sys_execveat(libexec, "supervisor", argv, envp, 0);
	return error_code(err, r, "execute the supervisor");
}

static void record_failure(struct starter *st, const struct error *err)
{
	struct container_state *s = &st->l->ctr->state;
	struct error second = { 0 };
	char text[sizeof(s->error)];

	if (st->flags & SUPERVISED_FRESH) {
		if (launch_remove(st->l->store, st->l->ctr, &second) < 0)
			log_warn(second.dcode, "remove the container: %s", second.text);
		return;
	}
	s->status = CONTAINER_EXITED;
	s->exit_code = error_exit_status(err);
	(void)timefmt_now(s->finished);
	ignore_result(str_copy(s->error, sizeof(s->error),
			       error_format(err, text, sizeof(text)))); /* "" when too long */
	ignore_result(container_write_state(st->l->ctr->dirfd, s)); /* full disk: reads as dead */
}

/* From here on it is a wish that pid 1 stops: the supervisor hears it when it is there. */
static void block_term(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int begin(struct starter *st, struct error *err)
{
	int r;

	/* By this process, which becomes the supervisor and is on record as such: clients look who
	 * has called it (superctl.h). Nobody connects before the record says "running". */
	if (listen(st->fds[SUPER_LISTEN_FD], LISTEN_MAX) < 0)
		return error_sys(err, "listen on the attach socket");
	(void)setsid(); /* the terminal of the caller is not ours any more */
	r = null_stdio(0, 1);
	return r < 0 ? error_code(err, r, "open /dev/null") : 0;
}

static int starter(void *arg)
{
	struct starter *st = arg;
	unsigned short rows = 0, cols = 0;
	struct error err = { 0 };
	struct launched d;
	/* Above the numbers that the supervisor's descriptors are moved to. */
	int report = fcntl(st->fds[SUPER_DONE_FD], F_DUPFD_CLOEXEC, SUPER_FD_END), r;

	proc_hear_write_errors();
	if (st->l->rec->tty)
		tty_size(&rows, &cols);
	r = begin(st, &err);
	if (r == 0)
		r = launch_start(st->l, st->child_stdio, rows, cols, &d, &err);
	if (r < 0) {
		record_failure(st, &err);
		ignore_result(fd_write_all(report, &err, sizeof(err))); /* the CLI was killed */
		return EXIT_OURS;
	}
	for (int i = 0; i < 3; i++)
		fd_close(TAKE_FD(st->child_stdio[i]));
	if (st->l->cgroup && st->l->cgroup->has_super && st->janitor_read < 0)
		r = open_janitor(st, &err);
	if (r == 0)
		r = start_janitor(st, &err);
	if (r == 0) {
		block_term();
		/* Code 0: it runs. Only a broken installation fails after this. */
		ignore_result(fd_write_all(report, &err, sizeof(err))); /* as above */
		r = exec_supervisor(st, &d, report, &err);
	}
	ignore_result(fd_write_all(report, &err, sizeof(err))); /* as above */
	return EXIT_OURS;					/* pid 1 ends with us */
}

/* --- in the CLI --- */

int supervised_start(struct launch *l, enum supervised_flags flags, struct supervised *ret,
		     struct error *err)
{
	struct starter st = { .l = l, .flags = flags, .janitor_read = -1 };
	_cleanup_(supervised_done) struct supervised s = SUPERVISED_NONE;
	struct error told = { 0 };
	struct proc p;
	int r;

	l->detached = !(flags & SUPERVISED_ATTACH);
	for (int i = 0; i < SUPER_FD_END; i++)
		st.fds[i] = -1;
	for (int i = 0; i < 3; i++)
		st.child_stdio[i] = -1;
	r = starter_prepare(&st, &s, err);
	if (r == 0) {
		r = proc_clone(0, -1, starter, &st, &p);
		if (r < 0)
			proc_clone_error(err, r, "a process");
	}
	if (r < 0) {
		if (st.fds[SUPER_LISTEN_FD] >= 0)
			(void)unlinkat(l->store->runtime_fd, st.socket_name, 0);
		record_failure(&st, err);
		starter_close(&st);
		return r;
	}
	starter_close(&st);
	fd_close(TAKE_FD(l->lock_fd)); /* the child's alone: it says who lives */
	r = fd_read_full(s.done_fd, &told, sizeof(told));
	if (r < 0)
		error_set(&told, -ECHILD, "the process that starts the container was killed");
	/* It has the lock until its very end: the next command must not meet it. */
	if (told.code < 0)
		ignore_result(proc_wait(&p, &(int){ 0 })); /* killed or not, it is gone */
	proc_done(&p);
	if (told.code < 0) {
		(void)unlinkat(l->store->runtime_fd, st.socket_name, 0);
		if (err)
			*err = told;
		return told.code;
	}
	/* What was written about the running container: its pid, for signals. With --rm a short one
	 * may be over and removed by now; its output and status wait in the socket. */
	r = container_read_state(l->ctr->dirfd, &l->ctr->state);
	if (r < 0 && r != -ENOENT)
		return error_code(err, r, "read the state of container %.12s", l->ctr->id);
	*ret = s;
	s = SUPERVISED_NONE;
	return 0;
}

int supervised_wait(struct supervised *s, struct container_state *ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	char c;
	int r;

	while (s->done_fd >= 0 && fd_read_full(s->done_fd, &c, 1) == 0)
		;
	r = fd_read_to_end(s->state_fd, CONTAINER_STATE_MAX, &text, &len);
	return r < 0 ? r : container_parse_state(text, len, ret);
}

int supervised_attach(struct supervised *s, const struct launch *l, bool input, struct error *err)
{
	enum attach_flags flags =
		(l->rec->tty ? ATTACH_TTY : 0) | (input && l->rec->open_stdin ? ATTACH_STDIN : 0);
	struct detach_keys keys;
	struct container_state end;
	int r, status;

	r = detach_keys_parse(DETACH_KEYS, &keys, err);
	if (r == 0)
		r = attach_run(s->sock, l->ctr, flags, &keys, &status, err);
	if (r != 0)
		return r < 0 ? r : status;
	fd_close(TAKE_FD(s->sock));
	if (supervised_wait(s, &end) == 0)
		launch_tell_end(l, &end);
	return status;
}

void supervised_done(struct supervised *s)
{
	fd_close(TAKE_FD(s->sock));
	fd_close(TAKE_FD(s->done_fd));
	fd_close(TAKE_FD(s->state_fd));
}
