/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/rtnl.h"

static int enter_netns(struct error *err)
{
	int r = probe_enter(err);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) < 0) {
		r = error_sys(err, "make a network namespace");
		error_host(err, DCODE_NETNS_OFF);
	}
	return r;
}

static int loopback_up(struct error *err)
{
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return error_sys(err, "bring the loopback interface up");
	return 0;
}

int probe_netns(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	int r = enter_netns(err);

	(void)h;
	if (r == 0)
		r = loopback_up(err);
	if (r == 0)
		probe_say(ret, "network namespaces");
	return r;
}

/* As src/net/net.c asks: it is left out of a build without libslirp. No link helps then. */
static int check_netstack(struct error *err)
{
	_cleanup_(fd_closep) int libexec = proc_open_libexec(err);

	if (libexec < 0)
		return libexec;
	if (faccessat(libexec, "netstack", X_OK, 0) == 0 || errno != ENOENT)
		return 0;
	error_set(err, -ENOENT, "no private network: this carrel was built without libslirp");
	error_hint(err, "use --network host or none, or a carrel that was built with libslirp");
	return -ENOENT;
}

int probe_tun(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct ifreq ifr = { .ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI };
	int r = check_netstack(err);

	(void)h;
	if (r == 0)
		r = enter_netns(err);
	if (r < 0)
		return r;
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		r = error_sys(err, "open /dev/net/tun");
	else if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		r = error_sys(err, "make a tap interface");
	if (r < 0)
		error_host(err, DCODE_NO_TUN);
	else
		probe_say(ret, "private network");
	return r;
}

static int make_veth(struct error *err)
{
	_cleanup_(fd_closep) int rtnl = rtnl_open(), packet = -1;
	int r = rtnl < 0 ? rtnl : rtnl_add_veth(rtnl, "outer", "inner", -1);

	if (r < 0)
		return error_code(err, r, "make a veth pair");
	packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	return packet < 0 ? error_sys(err, "make a packet socket") : 0;
}

/* What is not needed is not missing. */
int probe_veth(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	int r;

	(void)h;
	r = check_netstack(err);
	if (r < 0) {
		probe_skip(ret, "there is nothing that would use a veth pair");
		ret->untried = true;
		return 0;
	}
	if (access("/dev/net/tun", R_OK | W_OK) == 0) {
		probe_skip(ret, "veth pairs are not needed");
		return 0;
	}
	r = enter_netns(err);
	if (r < 0)
		return r;
	r = make_veth(err);
	if (r < 0)
		error_host(err, DCODE_NO_VETH);
	else
		probe_say(ret, "veth pairs");
	return r;
}

/* The echo socket of the host's side, through which a container's pings go out. */
int probe_ping(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;

	(void)h;
	(void)err;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0)
		probe_degraded(ret, DCODE_PING, "open an echo socket: %s", strerror(errno));
	else
		probe_say(ret, "ping");
	return 0;
}
