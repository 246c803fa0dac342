/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/autogroup.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/str.h"
#include "initctl.h"

/*
 * Theory of operation. The runtime executes this program inside the container as the last of its
 * own (src/lib/initctl.h). It is static, because it must run in any image, and it holds nothing:
 * credentials, capabilities and the system call filter are the container's already.
 */
struct command {
	char **argv;
	const char *path;
};

static int run(const struct command *c)
{
	struct error err = { 0 };

	(void)execv(c->path, c->argv);
	proc_exec_error(&err, -errno, c->argv[0]);
	ignore_result(send(INITCTL_REPORT_FD, &err, sizeof(err), MSG_NOSIGNAL)); /* last words */
	return error_exit_status(&err);
}

static int child(void *arg)
{
	/* Job control of a shell wants a process group of its own in front of the terminal. The
	 * stop signal for writing to it from behind is only default here until then. */
	if (setpgid(0, 0) == 0 && isatty(STDIN_FILENO)) {
		sigset_t ttou;

		(void)sigemptyset(&ttou);
		(void)sigaddset(&ttou, SIGTTOU);
		(void)sigprocmask(SIG_BLOCK, &ttou, NULL);
		(void)tcsetpgrp(STDIN_FILENO, getpid()); /* ENOTTY: not the controlling one */
		(void)sigprocmask(SIG_UNBLOCK, &ttou, NULL);
	}
	return run(arg);
}

/* Everything that has ended. Returns the status to end with once the main child is among it. */
static int reap(pid_t main_pid)
{
	int status, result = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == main_pid)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return result;
}

static int serve(pid_t main_pid, const sigset_t *all)
{
	for (;;) {
		siginfo_t si;
		int sig = sigwaitinfo(all, &si);

		if (sig == SIGCHLD) {
			int status = reap(main_pid);

			if (status >= 0)
				return status; /* the kernel ends the rest with us */
		} else if (sig > 0) {
			(void)kill(main_pid, sig); /* ESRCH: its end is on the way to us */
		}
	}
}

static int be_init(struct command *c)
{
	struct proc p;
	sigset_t all;
	int r;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return EXIT_OURS;
	r = proc_clone(0, -1, child, c, &p);
	if (r < 0) {
		struct error err = { 0 };

		error_code(&err, r, "start a process");
		if (r == -EAGAIN)
			error_hint(&err, "--init is a process beside the command, so --pids-limit "
					 "has to be 2 at least; or the limit of your processes is "
					 "reached: ulimit -u shows it");
		ignore_result(send(INITCTL_REPORT_FD, &err, sizeof(err), MSG_NOSIGNAL));
		return EXIT_OURS;
	}
	/* From here on the end of the child's exec is the end of that descriptor. */
	fd_close(INITCTL_REPORT_FD);
	return serve(p.pid, &all);
}

/* By the runtime it could not be set: as long as its memory is ours the process is undumpable, and
 * its files in /proc are the host's root's. */
static void set_nice(const char *value)
{
	int64_t nice;

	if (num_i64(value, &nice) == 0)
		ignore_result(autogroup_set((int)nice)); /* whoever started us looks, and tells */
}

int main(int argc, char **argv)
{
	const char *mode;
	struct command c;

	if (argc <= INITCTL_ARG_ARGV || fd_set_cloexec(INITCTL_REPORT_FD, true) < 0)
		return EXIT_OURS;
	c = (struct command){ .path = argv[INITCTL_ARG_PATH], .argv = argv + INITCTL_ARG_ARGV };
	mode = argv[INITCTL_ARG_MODE];
	if (str_eq(mode, "init"))
		return be_init(&c);
	if (str_starts(mode, INITCTL_NICE))
		set_nice(mode + sizeof(INITCTL_NICE) - 1);
	return run(&c);
}
