/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "runtime/ctr.h"

/* Developer's tool, not installed: ctr-exec PID USER [tty] -- COMMAND ARG..., beside ctr-run. */
static int fill(char **argv, struct ctr_exec *q, struct error *err)
{
	uint32_t pid;

	if (!argv[1] || num_u32(argv[1], &pid) < 0 || !argv[2] || !argv[3])
		return error_set(err, -1, "ctr-exec PID USER [tty] -- COMMAND");
	*q = (struct ctr_exec){
		.pid = (pid_t)pid,
		.user = argv[2],
		.caps = caps_default,
		.stdio = { 0, 1, 2 },
		.cgroup_fd = -1,
	};
	argv += 3;
	if (str_eq(*argv, "tty")) {
		q->flags = CTR_TTY;
		argv++;
	}
	if (!*argv || !argv[1])
		return error_set(err, -1, "-- COMMAND is needed");
	q->argv = argv + 1;
	q->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return q->pidfd < 0 ? error_sys(err, "open process %u", pid) : 0;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	struct ctr_exec q;
	struct proc p;
	int status = EXIT_OURS, master = -1;
	char buf[4096];
	ssize_t n;

	(void)argc;
	if (fill(argv, &q, &err) < 0 || ctr_exec(&q, &p, &master, &err) < 0) {
		error_print(&err, stderr);
		return error_exit_status(&err);
	}
	while (master >= 0 && (n = read(master, buf, sizeof(buf))) > 0)
		if (fd_write_all(STDOUT_FILENO, buf, (size_t)n) < 0)
			break;
	if (proc_wait(&p, &status) < 0)
		status = EXIT_OURS;
	return status;
}
