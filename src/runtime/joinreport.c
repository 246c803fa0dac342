/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/joinreport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"

/* The number behind a pidfd in our pid namespace. */
static pid_t pid_of(int pidfd)
{
	_cleanup_(freep) char *text = NULL;
	char path[48], *p;
	uint32_t pid;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (path_load(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return 0;
	p = strstr(text, "\nPid:\t");
	if (!p)
		return 0;
	p += 6;
	p[strcspn(p, "\n")] = '\0';
	return num_u32(p, &pid) == 0 ? (pid_t)pid : 0;
}

/* One message: 1, or 0 at the end of file. */
static int hear_one(int sock, struct joinreport *a, struct error *err)
{
	struct error said;
	int fds[2] = { -1, -1 };
	size_t n_fds = 2;
	ssize_t n = fd_recv(sock, &said, sizeof(said), fds, &n_fds, 0);

	if (n == 0 || n == -ECONNRESET)
		return 0;
	if (n == sizeof(said) && (n_fds == 0 || a->proc.pidfd < 0)) {
		if (n_fds > 0)
			a->proc = (struct proc){ .pidfd = fds[0], .pid = pid_of(fds[0]) };
		if (n_fds > 1)
			a->master = fds[1];
		if (said.code < 0 && !error_is_set(&a->error))
			error_import(&a->error, &said);
		return 1;
	}
	for (size_t i = 0; n >= 0 && i < n_fds; i++)
		fd_close(fds[i]);
	return error_code(err, n < 0 ? (int)n : -EPROTO, "hear from the process in the container");
}

int joinreport_hear(int sock, struct joinreport *ret, struct error *err)
{
	int r;

	do
		r = hear_one(sock, ret, err);
	while (r > 0);
	if (r < 0)
		return r;
	if (error_is_set(&ret->error)) {
		if (err)
			*err = ret->error;
		return ret->error.code;
	}
	if (ret->proc.pidfd < 0)
		return error_set(err, -EIO, "the process that joins the container ended early");
	return 0;
}

void joinreport_done(struct joinreport *r)
{
	proc_kill(&r->proc);
	fd_close(TAKE_FD(r->master));
}
