/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "net/net.h"
#include "runtime/userns.h"

/*
 * net-try COMMAND ARG...: run a command of the host behind a private network, in user,
 * network and mount namespaces made as a container has them, and nothing else. For tests and
 * measurements of src/net and netstack without images. Capabilities are kept: the command can
 * play a hostile container root.
 */

struct child {
	int gate_fd;
	char **argv;
};

static int hide_resolv_conf(struct error *err)
{
	_cleanup_(str_buf_done) struct str_buf b;
	_cleanup_(fd_closep) int fd = -1;

	str_buf_init(&b, 64 << 10);
	net_resolv_conf(true, &b);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, "make mounts private");
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0)
		return error_sys(err, "mount a tmpfs");
	fd = open("/mnt/resolv.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, b.s, b.len) < 0)
		return error_sys(err, "write resolv.conf");
	if (mount("/mnt/resolv.conf", "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		return error_sys(err, "bind resolv.conf");
	return 0;
}

static int child_main(void *arg)
{
	struct child *c = arg;
	struct error err = { 0 };
	char byte;

	if (fd_read_full(c->gate_fd, &byte, 1) < 0 || byte != 'g')
		return EXIT_OURS;
	if (hide_resolv_conf(&err) < 0) {
		error_print(&err, stderr);
		return EXIT_OURS;
	}
	(void)execvp(c->argv[0], c->argv);
	perror(c->argv[0]);
	return EXIT_NOT_FOUND;
}

static int open_ns(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int run(char **argv, int *ret_status, struct error *err)
{
	struct idmap map;
	struct net_helper net;
	struct proc proc;
	int gate[2], r, libexec_fd, userns_fd, netns_fd;

	r = idmap_load(&map, err);
	if (r < 0)
		return r;
	libexec_fd = proc_open_libexec(err);
	if (libexec_fd < 0)
		return libexec_fd;
	r = userns_enter(&map, err);
	if (r < 0)
		return r;
	r = fd_pipe(gate);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	r = proc_clone(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS, -1, child_main,
		       &(struct child){ .gate_fd = gate[0], .argv = argv }, &proc);
	if (r < 0)
		return error_code(err, r, "make the namespaces");
	r = userns_map_nested(proc.pid, &map, 0, 0, err);
	if (r < 0)
		return r;
	userns_fd = open_ns(proc.pid, "user");
	netns_fd = open_ns(proc.pid, "net");
	r = net_private_start(libexec_fd, &net, err);
	if (r == 0)
		r = net_private_join(&net, userns_fd, netns_fd, err);
	if (r == 0)
		r = net_private_ready(&net, err);
	if (r < 0) {
		proc_kill(&proc);
		return r;
	}
	fd_close(netns_fd);
	r = fd_write_all(gate[1], "g", 1);
	if (r < 0)
		return error_code(err, r, "open the gate");
	r = proc_wait(&proc, ret_status);
	net_helper_done(&net);
	return r < 0 ? error_code(err, r, "wait for the command") : 0;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	int status = 0;

	if (argc < 2) {
		(void)fputs("usage: net-try COMMAND [ARG...]\n", stderr);
		return EXIT_OURS;
	}
	if (run(argv + 1, &status, &err) < 0) {
		error_print(&err, stderr);
		return error_exit_status(&err);
	}
	return status;
}
