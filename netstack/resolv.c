/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "resolv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "confine.h"

/* #syscalls:resolv openat read close fstat newfstatat lseek mmap munmap brk fcntl */
static void read_list(struct resolv_list *list)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;

	if (path_load(AT_FDCWD, "/etc/resolv.conf", RESOLV_FILE_MAX, &text, &len) < 0)
		len = 0;
	resolv_parse(text, len, list);
	/* #syscalls:resolv socket ioctl */
	for (uint32_t i = 0; i < list->n; i++)
		if (list->scope[i][0])
			list->addr[i].in6.sin6_scope_id = if_nametoindex(list->scope[i]);
}

struct reader {
	int sock;
};

static int reader_main(void *arg)
{
	struct reader *reader = arg;
	struct resolv_list list;
	char byte;
	int r;

	r = proc_close_fds(&reader->sock, 1);
	if (r < 0)
		return 1;
	r = confine_reader();
	if (r < 0)
		return 1;
	/* #syscalls:resolv recvfrom sendto exit_group rt_sigreturn */
	while (recv(reader->sock, &byte, 1, 0) > 0) {
		read_list(&list);
		if (send(reader->sock, &list, sizeof(list), MSG_NOSIGNAL) < 0)
			return 1;
	}
	return 0;
}

int resolv_start_reader(struct error *err)
{
	int pair[2], r;
	struct proc proc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, "make a socket pair");
	r = proc_clone(0, -1, reader_main, &(struct reader){ .sock = pair[1] }, &proc);
	fd_close(pair[1]);
	if (r < 0) {
		fd_close(pair[0]);
		return error_code(err, r, "start the resolv.conf reader");
	}
	proc_done(&proc); /* it ends with its socket */
	r = fd_set_nonblock(pair[0], true);
	if (r < 0) {
		fd_close(pair[0]);
		return error_code(err, r, "set up the resolv.conf reader");
	}
	return pair[0];
}
