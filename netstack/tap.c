/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tap.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/rtnl.h"
#include "base/str.h"
#include "netctl.h"
#include "veth.h"

/*
 * Theory of operation
 *
 * A tap belongs to the network namespace in which /dev/net/tun was opened, so the device is opened
 * by a process inside; its path is the host's, because joining a user and a network namespace
 * leaves the mounts alone. That process sets PR_SET_DUMPABLE 0 before it joins: container root
 * could otherwise trace it and take what it has open. It is alone there for two milliseconds, hands
 * the descriptor out and ends; nothing of ours stays in the container's namespaces.
 *
 * It is forked early, because the namespaces are not there yet when the program starts: while
 * carrel makes them, the stack starts libslirp and goes into its sandbox.
 */

static int open_tun(struct error *err)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), r;

	if (fd >= 0)
		return fd;
	r = error_sys(err, "open /dev/net/tun");
	error_host(err, DCODE_NO_TUN);
	return r;
}

static int make_tap(struct error *err)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	_cleanup_(fd_closep) int fd = open_tun(err);
	int r;

	if (fd < 0)
		return fd;
	r = str_copy(ifr.ifr_name, sizeof(ifr.ifr_name), NETCTL_INTERFACE);
	assert(r == 0);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return error_sys(err, "make the interface %s", NETCTL_INTERFACE);
	if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
		return error_sys(err, "set the offloads of %s", NETCTL_INTERFACE);
	return TAKE_FD(fd);
}

struct sysctl {
	const char *path, *value;
};

/* Wishes, not conditions: a host may have /proc/sys read-only or the knob missing. */
static const struct sysctl sysctls[] = {
	/* bbr, inherited from the host, paces a hop that has no bottleneck: a third of the speed */
	{ "net/ipv4/tcp_congestion_control", "reno" },
	/* as docker: any user inside may ping and serve port 80; both end at our own stack */
	{ "net/ipv4/ping_group_range", "0 65535" },
	{ "net/ipv4/ip_unprivileged_port_start", "0" },
	/* addresses are static: nothing to ask or to wait for */
	{ "net/ipv6/conf/" NETCTL_INTERFACE "/accept_ra", "0" },
	{ "net/ipv6/conf/" NETCTL_INTERFACE "/accept_dad", "0" },
	{ "net/ipv6/conf/" NETCTL_INTERFACE "/router_solicitations", "0" },
};

static void set_sysctls(void)
{
	int dir = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
		ignore_result(path_write_text(dir, sysctls[i].path, /* a wish */
					      sysctls[i].value));
	fd_close(dir);
}

static int add_family(int sock, unsigned ifindex, int family, const char *addr, unsigned prefix_len,
		      const char *gateway)
{
	uint8_t a[16], g[16];
	int r;

	r = inet_pton(family, addr, a) == 1 && inet_pton(family, gateway, g) == 1;
	assert(r); /* constants of netctl.h */
	r = rtnl_add_address(sock, ifindex, family, a, prefix_len);
	if (r < 0)
		return r;
	return rtnl_add_default_route(sock, ifindex, family, g);
}

static int configure(struct error *err)
{
	_cleanup_(fd_closep) int sock = rtnl_open();
	unsigned ifindex = if_nametoindex(NETCTL_INTERFACE);
	int r;

	if (!ifindex)
		return error_sys(err, "look up the interface %s", NETCTL_INTERFACE);
	if (sock < 0)
		return error_code(err, sock, "open a netlink socket");
	set_sysctls();
	r = rtnl_link_up(sock, if_nametoindex("lo"), 0);
	if (r < 0)
		return error_code(err, r, "bring up lo");
	r = rtnl_link_up(sock, ifindex, TAP_MTU);
	if (r < 0)
		return error_code(err, r, "bring up %s", NETCTL_INTERFACE);
	r = add_family(sock, ifindex, AF_INET, NETCTL_IPV4_GUEST, NETCTL_IPV4_MASK,
		       NETCTL_IPV4_GATEWAY);
	if (r < 0)
		return error_code(err, r, "give %s its addresses", NETCTL_INTERFACE);
	/* A kernel without IPv6, or with it switched off, leaves an IPv4 network. */
	ignore_result(add_family(sock, ifindex, AF_INET6, NETCTL_IPV6_GUEST, NETCTL_IPV6_LEN,
				 NETCTL_IPV6_GATEWAY));
	return 0;
}

struct child {
	int control_fd, sock;
};

/* -ECONNRESET: whoever started us has ended, or changed its mind. */
static int receive_namespaces(int control_fd, int fds[FD_PASS_MAX], struct error *err)
{
	size_t n_fds = NETCTL_NAMESPACES;
	char byte;
	ssize_t n = fd_recv(control_fd, &byte, sizeof(byte), fds, &n_fds, 0);

	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return error_code(err, (int)n, "receive the container's namespaces");
	if (n_fds != NETCTL_NAMESPACES)
		return error_set(err, -EPROTO, "no namespaces came with the request");
	return 0;
}

static int join(const int ns[NETCTL_NAMESPACES], struct error *err)
{
	if (setns(ns[NETCTL_USERNS], CLONE_NEWUSER) < 0)
		return error_sys(err, "join the container's user namespace");
	if (setns(ns[NETCTL_NETNS], CLONE_NEWNET) < 0)
		return error_sys(err, "join the container's network namespace");
	return 0;
}

/* err has why there is no tap. */
static int make_veth(int netns_fd, struct error *err)
{
	struct error second = { 0 };
	int fd = veth_make(netns_fd, TAP_MTU, &second), r;

	if (fd >= 0) {
		error_clear(err);
		return fd;
	}
	r = error_code(err, err->code, "%s (%s) and open /dev/net/tun", second.text,
		       strerror(-second.code));
	error_host(err, DCODE_NO_TUN);
	return r;
}

/*
 * A tap is made inside, a veth pair from outside: from a namespace that the container's root has no
 * power over. So it is decided here, by an open that is undone.
 */
static int make_interface(const int ns[NETCTL_NAMESPACES], struct error *err)
{
	_cleanup_(fd_closep) int tun = open_tun(err);
	_cleanup_(fd_closep) int fd = -1;
	int r;

	if (tun < 0) {
		fd = make_veth(ns[NETCTL_NETNS], err);
		if (fd < 0)
			return fd;
	}
	r = join(ns, err);
	if (r < 0)
		return r;
	if (fd < 0)
		return make_tap(err);
	r = veth_set_up(err);
	return r < 0 ? r : TAKE_FD(fd);
}

static int child_run(const struct child *c, struct error *err)
{
	_cleanup_(fd_closep) int tap = -1;
	int ns[FD_PASS_MAX], r;

	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_sys(err, "set PR_SET_DUMPABLE");
	r = receive_namespaces(c->control_fd, ns, err);
	if (r < 0)
		return r;
	tap = make_interface(ns, err);
	if (tap < 0)
		return tap;
	r = configure(err);
	if (r < 0)
		return r;
	return fd_send(c->sock, err, sizeof(*err), &tap, 1, MSG_NOSIGNAL);
}

static int child_main(void *arg)
{
	const struct child *c = arg;
	struct error err = { 0 };
	int r = child_run(c, &err);

	if (r < 0 && error_is_set(&err))
		ignore_result(fd_send(c->sock, &err, sizeof(err), NULL, 0, MSG_NOSIGNAL));
	return r < 0;
}

int tap_start(int control_fd, struct tap_maker *ret, struct error *err)
{
	struct child c = { .control_fd = control_fd };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	c.sock = pair[1];
	r = proc_clone(0, -1, child_main, &c, &ret->proc);
	fd_close(pair[1]);
	if (r < 0) {
		fd_close(pair[0]);
		return error_code(err, r, "start the interface set-up");
	}
	ret->sock = pair[0];
	return 0;
}

int tap_take(struct tap_maker *m, struct error *err)
{
	int fds[FD_PASS_MAX], status, r;
	size_t n_fds = 1;
	struct error told;
	ssize_t n = fd_recv(m->sock, &told, sizeof(told), fds, &n_fds, 0);

	fd_close(TAKE_FD(m->sock));
	r = proc_wait(&m->proc, &status);
	proc_done(&m->proc);
	if (r < 0 || n != sizeof(told) || (told.code == 0 && n_fds != 1))
		return error_set(err, -EPROTO, "the interface set-up ended without a word");
	if (told.code == 0)
		return fds[0];
	if (err)
		*err = told;
	return told.code;
}
