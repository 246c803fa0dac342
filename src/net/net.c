/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "netctl.h"

/* --- the helper --- */

static int spawn_netstack(int libexec_fd, int control_fd, struct proc *ret, struct error *err)
{
	_cleanup_(fd_closep) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	static const char *const argv[] = { "netstack", NULL };
	static const char *const envp[] = { NULL };
	const struct proc_fd fds[] = {
		{ control_fd, NETCTL_CONTROL_FD },
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
		/* Its last words, or none, come by the control socket. */
		.flags = PROC_SETSID | PROC_NO_WAIT,
	};

	if (null_fd < 0)
		return error_sys(err, "open /dev/null");
	return proc_spawn(&spec, ret, err);
}

int net_private_start(int libexec_fd, struct net_helper *ret, struct error *err)
{
	struct net_helper h = { .proc = { .pidfd = -1 }, .control_fd = -1 };
	int pair[2], r;

	if (faccessat(libexec_fd, "netstack", X_OK, 0) < 0 && errno == ENOENT) {
		r = error_set(err, -ENOENT, "this carrel was built without libslirp");
		error_hint(err,
			   "use --network host or none, or a carrel that was built with libslirp");
		return r;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	h.control_fd = pair[0];
	r = spawn_netstack(libexec_fd, pair[1], &h.proc, err);
	fd_close(pair[1]);
	if (r < 0) {
		fd_close(h.control_fd);
		return r;
	}
	*ret = h;
	return 0;
}

int net_private_join(struct net_helper *h, int userns_fd, int netns_fd, struct error *err)
{
	const int fds[NETCTL_NAMESPACES] = {
		[NETCTL_USERNS] = userns_fd, [NETCTL_NETNS] = netns_fd
	};
	int r = fd_send(h->control_fd, "", 1, fds, NETCTL_NAMESPACES, MSG_NOSIGNAL);

	/* Where it has ended already its last words say why. */
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	return r < 0 ? error_code(err, r, "ask for the private network") : 0;
}

int net_private_ready(struct net_helper *h, struct error *err)
{
	struct error told;
	size_t n_fds = 0;
	ssize_t n = fd_recv(h->control_fd, &told, sizeof(told), NULL, &n_fds, 0);

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

/* Taking a tap down costs the kernel up to 90 ms: nobody waits for it. */
void net_helper_done(struct net_helper *h)
{
	fd_close(h->control_fd);
	h->control_fd = -1;
	proc_done(&h->proc);
}
