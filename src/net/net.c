/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "netctl.h"

/* --- the helper --- */

static int spawn_netstack(int libexec_fd, int control_fd, int userns_fd, int netns_fd,
			  struct proc *ret, struct error *err)
{
	_cleanup_(fd_closep) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	static const char *const argv[] = { "netstack", NULL };
	static const char *const envp[] = { NULL };
	const struct proc_fd fds[] = {
		{ control_fd, NETCTL_CONTROL_FD },
		{ userns_fd, NETCTL_USERNS_FD },
		{ netns_fd, NETCTL_NETNS_FD },
		{ null_fd, 0 },
		{ null_fd, 1 },
		/* It outlives a detached run's terminal; with CARREL_DEBUG its last words show. */
		{ log_get_level() >= LOG_LEVEL_DEBUG ? 2 : null_fd, 2 },
	};
	const struct proc_spec spec = {
		.dirfd = libexec_fd,
		.path = "netstack",
		.argv = (char *const *)(uintptr_t)argv,
		.envp = (char *const *)(uintptr_t)envp,
		.fds = fds,
		.n_fds = ARRAY_SIZE(fds),
		.flags = PROC_SETSID,
	};

	if (null_fd < 0)
		return error_sys(err, "open /dev/null");
	return proc_spawn(&spec, ret, err);
}

static int wait_ready(int control_fd, struct error *err)
{
	struct error told;
	size_t n_fds = 0;
	ssize_t n = fd_recv(control_fd, &told, sizeof(told), NULL, &n_fds, 0);

	if (n < 0)
		return error_code(err, (int)n, "wait for the private network");
	if (n != sizeof(told))
		return error_set(err, -EPROTO, "netstack ended without a word");
	if (told.code == 0)
		return 0;
	if (err)
		*err = told;
	error_prefix(err, "private network");
	return told.code;
}

int net_private_start(int libexec_fd, int userns_fd, int netns_fd, struct net_helper *ret,
		      struct error *err)
{
	struct net_helper h = { .proc = { .pidfd = -1 }, .control_fd = -1 };
	int pair[2], r;

	if (faccessat(libexec_fd, "netstack", X_OK, 0) < 0 && errno == ENOENT) {
		r = error_set(err, -ENOENT, "this carrel was built without libslirp");
		error_hint(err, "use --network host or none");
		return r;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	h.control_fd = pair[0];
	r = spawn_netstack(libexec_fd, pair[1], userns_fd, netns_fd, &h.proc, err);
	fd_close(pair[1]);
	if (r < 0) {
		fd_close(h.control_fd);
		return r;
	}
	r = wait_ready(h.control_fd, err);
	if (r < 0) {
		proc_kill(&h.proc);
		fd_close(h.control_fd);
		return r;
	}
	*ret = h;
	return 0;
}

/* Taking a tap down costs the kernel up to 90 ms: nobody waits for it. */
void net_helper_done(struct net_helper *h)
{
	fd_close(h->control_fd);
	h->control_fd = -1;
	proc_done(&h->proc);
}

/* --- lo --- */

struct loopback {
	int userns_fd, netns_fd, error_fd;
};

static int loopback_run(const struct loopback *l, struct error *err)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd, r = 0;

	/* Before it joins: container root must not be able to trace us. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_sys(err, "set PR_SET_DUMPABLE");
	if (setns(l->userns_fd, CLONE_NEWUSER) < 0)
		return error_sys(err, "join the container's user namespace");
	if (setns(l->netns_fd, CLONE_NEWNET) < 0)
		return error_sys(err, "join the container's network namespace");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_sys(err, "open a socket");
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		r = error_sys(err, "bring up lo");
	fd_close(fd);
	return r;
}

static int loopback_child(void *arg)
{
	const struct loopback *l = arg;
	struct error err = { 0 };
	int r = loopback_run(l, &err);

	if (r < 0)
		ignore_result(fd_write_all(l->error_fd, &err, sizeof(err))); /* then: no word */
	return r < 0;
}

int net_loopback_up(int userns_fd, int netns_fd, struct error *err)
{
	struct error told = { 0 };
	int fds[2], status, r;
	struct proc proc;

	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	r = proc_clone(0, -1, loopback_child,
		       &(struct loopback){
			       .userns_fd = userns_fd, .netns_fd = netns_fd, .error_fd = fds[1] },
		       &proc);
	fd_close(fds[1]);
	if (r < 0) {
		fd_close(fds[0]);
		return error_code(err, r, "start the loopback set-up");
	}
	r = fd_read_full(fds[0], &told, sizeof(told));
	fd_close(fds[0]);
	if (proc_wait(&proc, &status) < 0)
		status = EXIT_OURS;
	proc_done(&proc);
	if (r == 0 && told.code < 0) {
		if (err)
			*err = told;
		return told.code;
	}
	if (status != 0)
		return error_set(err, -EPROTO, "the loopback set-up ended without a word");
	return 0;
}
