/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/proc.h"
#include "confine.h"
#include "netctl.h"
#include "resolv.h"
#include "stack.h"
#include "tap.h"

/*
 * netstack: the private network of one container (src/lib/netctl.h is the contract). The order:
 * the children that need the host's files or our power over the container's namespaces, then the
 * sandbox, then the tap and "ready", and only then the first byte that the container wrote. A
 * failure ends the program: what it has open goes with it.
 */

enum {
	/*
	 * libslirp's two rings of 128 KiB for each TCP connection then are mappings of their own:
	 * only the pages that were used cost memory, and the end gives them back at once.
	 */
	RING_MMAP_THRESHOLD = 100 << 10,
};

static int set_up(struct stack **ret, struct error *err)
{
	int control_fd = NETCTL_CONTROL_FD, reader_fd, r;
	struct tap_maker maker;
	struct stack *s;

	r = fd_set_cloexec(control_fd, true);
	if (r < 0)
		return error_code(err, r, "use the control socket");
	r = tap_start(control_fd, &maker, err);
	if (r < 0)
		return r;
	reader_fd = resolv_start_reader(err);
	if (reader_fd < 0)
		return reader_fd;
	s = stack_new(control_fd, reader_fd, err);
	if (!s)
		return -EIO;
	r = confine_stack(stack_max_fds(), err);
	/* #syscalls: recvmsg waitid close */
	if (r == 0)
		r = tap_take(&maker, err);
	if (r < 0) {
		stack_free(s);
		return r;
	}
	stack_set_tap(s, r);
	*ret = s;
	return 0;
}

int main(int argc, char **argv _unused_)
{
	struct stack *s = NULL;
	struct error err = { 0 };
	int r;

	if (argc != 1 || fd_sanitize_std() < 0)
		return EXIT_OURS;
	(void)mallopt(M_MMAP_THRESHOLD, RING_MMAP_THRESHOLD);
	r = set_up(&s, &err);
	if (r == 0 || error_is_set(&err))
		ignore_result(fd_send(NETCTL_CONTROL_FD, &err, sizeof(err), NULL, 0,
				      MSG_NOSIGNAL)); /* a caller that is gone is seen as its end */
	if (r < 0)
		return EXIT_OURS;
	/* #syscalls: exit_group rt_sigreturn */
	r = stack_run(s);
	/* No stack_free(): the kernel takes everything back faster than libslirp does. */
	return r < 0 ? EXIT_OURS : 0;
}
