/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What could a process do whose parser has been taken over? inject PID TRY... makes it do it: each
 * TRY is a system call executed by the process itself, so that its own root, filter and rules
 * answer. Needs CAP_SYS_PTRACE. "r:PATH" opens for reading, "w:PATH" creates and writes, "d:PATH"
 * makes a directory. Prints "TRY ok" or "TRY ERRNO-TEXT" for each. x86-64 only.
 */
#ifdef __x86_64__
enum {
	SYSCALL_INSN = 0x050f,
	BELOW_STACK = 2048, /* past the red zone; the paths are shorter */
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int wait_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		die("wait for the process");
	return WSTOPSIG(status);
}

static void poke(pid_t pid, uint64_t at, const char *s)
{
	struct iovec from = { (void *)s, strlen(s) + 1 }, to = { (void *)at, strlen(s) + 1 };

	if (process_vm_writev(pid, &from, 1, &to, 1, 0) < 0)
		die("write into the process");
}

/* Where it was stopped: back is how it goes on, insn the address of a system call's instruction. */
struct stopped {
	struct user_regs_struct back;
	uint64_t insn;
};

static void get(pid_t pid, struct user_regs_struct *r)
{
	if (ptrace(PTRACE_GETREGS, pid, 0, r) < 0)
		die("read registers");
}

static long call(pid_t pid, const struct stopped *at, long nr, const char *path, uint64_t a2,
		 uint64_t a3)
{
	struct user_regs_struct r = at->back;

	r.rsp = (r.rsp - BELOW_STACK) & ~15UL;
	r.rip = at->insn;
	r.orig_rax = (unsigned long)-1;
	r.rax = (unsigned long)nr;
	r.rdi = (unsigned long)AT_FDCWD;
	r.rsi = r.rsp;
	r.rdx = a2;
	r.r10 = a3;
	poke(pid, r.rsp, path);
	if (ptrace(PTRACE_SETREGS, pid, 0, &r) < 0 || ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0)
		die("step");
	wait_stop(pid);
	get(pid, &r);
	return (long)r.rax;
}

static void attempt(pid_t pid, const struct stopped *at, const char *what)
{
	long r;

	if (what[0] == 'd')
		r = call(pid, at, SYS_mkdirat, what + 2, 0777, 0);
	else
		r = call(pid, at, SYS_openat, what + 2,
			 what[0] == 'w' ? O_WRONLY | O_CREAT | O_NONBLOCK : O_RDONLY | O_NONBLOCK,
			 0666);
	printf("%s %s\n", what, r < 0 ? strerror((int)-r) : "ok");
}

static void next_stop(pid_t pid)
{
	int sig = 0;

	do { /* a signal that comes just now is handed on */
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig) < 0)
			die("go on to a system call");
		sig = wait_stop(pid);
	} while (sig != (SIGTRAP | 0x80));
}

/*
 * Where it is interrupted, if a system call's instruction is just before; else at the entry of its
 * next call. That one is left out and made by the process afterwards: it may be the wait for what
 * comes only when we have gone.
 */
static void stop(pid_t pid, struct stopped *at)
{
	struct user_regs_struct r;
	long insn;

	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("trace");
	wait_stop(pid);
	get(pid, &at->back);
	at->insn = at->back.rip - 2;
	errno = 0;
	insn = ptrace(PTRACE_PEEKTEXT, pid, (void *)at->insn, 0);
	if (!errno && (insn & 0xffff) == SYSCALL_INSN)
		return;
	next_stop(pid);
	get(pid, &r);
	at->back = r;
	at->back.rax = r.orig_rax;
	at->back.rip = at->insn = r.rip - 2;
	at->back.orig_rax = (unsigned long)-1;
	/* Not -1, "none": the filter comes after us, and would kill it for that number. */
	r.orig_rax = SYS_getpid;
	if (ptrace(PTRACE_SETREGS, pid, 0, &r) < 0)
		die("leave a system call out");
	next_stop(pid);
}

int main(int argc, char **argv)
{
	struct stopped at;
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;

	stop(pid, &at);
	for (int i = 2; i < argc; i++)
		attempt(pid, &at, argv[i]);
	if (ptrace(PTRACE_SETREGS, pid, 0, &at.back) < 0 || ptrace(PTRACE_DETACH, pid, 0, 0) < 0)
		die("let go");
	return 0;
}
#else
int main(void)
{
	return 77;
}
#endif
