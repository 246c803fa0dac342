/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/*
 * The one place that starts processes (style rule 57). Every child begins with all signals
 * blocked, then default handlers and an empty mask; it keeps only the descriptors that were named.
 */

/* A child: named by its pidfd, the number is for printing and /proc only. */
struct proc {
	int pidfd;
	pid_t pid;
};

enum proc_flags {
	PROC_PDEATHSIG = 1 << 0, /* SIGKILL when the parent thread ends */
	PROC_SETSID = 1 << 1,
	PROC_CLEAR_ENV = 1 << 2, /* only `envp` */
	PROC_NO_WAIT = 1 << 3,	 /* a failed exec is exit status 127 alone; not with PDEATHSIG */
};

struct proc_fd {
	int from; /* descriptor of the parent */
	int to;	  /* its number in the child */
};

struct proc_spec {
	int dirfd;	  /* with `path` relative: looked up here; 0 is never meant: use AT_FDCWD */
	const char *path; /* program; never searched in $PATH */
	char *const *argv;
	char *const *envp;	   /* NULL: the caller's environment */
	const struct proc_fd *fds; /* 0, 1, 2 not named here are inherited */
	unsigned n_fds;
	enum proc_flags flags;
};

/*
 * Start a program. Exec failures come back here (through an error pipe), not as an exit status.
 * ret->pidfd is owned by the caller.
 */
int proc_spawn(const struct proc_spec *spec, struct proc *ret, struct error *err) _nodiscard_;

/*
 * Fork with clone3 flags (CLONE_NEW*, CLONE_INTO_CGROUP with its descriptor); the child runs
 * fn(arg) and ends with its return value by _exit. fn may only make async-signal-safe calls where
 * the parent has threads. Descriptors are all kept. The child's signal mask and handlers are the
 * defaults.
 */
int proc_clone(uint64_t clone_flags, int cgroup_fd, int (*fn)(void *arg), void *arg,
	       struct proc *ret) _nodiscard_;

/* The error of a clone that the limit of processes has refused gets the hint that says so. */
int proc_clone_error(struct error *err, int r, const char *what);
void proc_clone_hint(struct error *err, int r); /* the hint alone */

/* A reader that went away, and a file beyond RLIMIT_FSIZE, are errors of the write, which somebody
 * tells and cleans up after, and not a silent death. */
void proc_hear_write_errors(void);
/* A caller may have left SIGCHLD ignored, which survives exec: the kernel would reap our children,
 * and nobody could ask how they ended. */
void proc_keep_children(void);

/*
 * As proc_clone(), on `stack` and in this process's own memory, so that nothing is copied: where
 * page tables are dear (a virtual machine) a fork costs more than an exec. For fn that makes a few
 * system calls and changes nothing but errno, of which it is the only user: with CLONE_VFORK this
 * process stands still until it executes a program or ends; without, it may only wait for a
 * descriptor. All signals stay blocked in it. The stack is to live until it has ended. Not
 * CLONE_INTO_CGROUP.
 */
struct proc_stack {
	_Alignas(16) char bytes[12 << 10];
};
int proc_clone_vm(int clone_flags, struct proc_stack *stack, int (*fn)(void *arg), void *arg,
		  struct proc *ret) _nodiscard_;

/*
 * The words and the exit status (126, 127) for an execve() that failed with r, as docker has them.
 * Returns r.
 */
int proc_exec_error(struct error *err, int r, const char *argv0);

/* Wait for the end. ret_status as a shell has it: 0-255, 128 + signal. */
int proc_wait(struct proc *p, int *ret_status) _nodiscard_;
/* 1: it has ended, or does within so many milliseconds (-1: no matter how many); 0: it has not. It
 * is not reaped. */
int proc_wait_pidfd(int pidfd, int ms) _nodiscard_;
/* Closes the pidfd; does not wait. */
void proc_done(struct proc *p);
/* SIGKILL and reap. */
void proc_kill(struct proc *p);
/* The same, for one that is about to end by itself: it has ms milliseconds for that. */
void proc_end(struct proc *p, int ms);
int proc_signal(const struct proc *p, int sig) _nodiscard_;

/* Close every descriptor >= 3 but those in keep[] (any order). */
int proc_close_fds(const int *keep, unsigned n) _nodiscard_;

/* A file of the first thread in /proc/PID/task, for reading. */
int proc_open_file(pid_t pid, const char *name) _nodiscard_;
/*
 * Start time of a process in clock ticks since boot (proc_pid_stat(5) field 22): with the pid it
 * tells a recorded process from a stranger that got the number later.
 */
int proc_start_time(pid_t pid, uint64_t *ret) _nodiscard_;
/*
 * Is it gone or on its way? One that ends has lost its memory and its namespaces some time before
 * its pidfd says so: pid 1 waits for all others of its pid namespace first.
 */
bool proc_is_ending(pid_t pid);
/*
 * pidfd of a recorded process, or -ESRCH when it has ended or the number is somebody else's. Any
 * other error (no descriptor is left, say) tells nothing about the process.
 */
int proc_open_recorded(pid_t pid, uint64_t start_time) _nodiscard_;
/* Only what is known to have ended is dead: more than one caller buries the dead. */
bool proc_recorded_lives(pid_t pid, uint64_t start_time);
/* Is it a recorded process that listens at the other end of a connected socket? Who listens is who
 * has called listen(2), whoever has the descriptor now. */
bool proc_recorded_listens(int sock, pid_t pid, uint64_t start_time);

/* The directory of the running program. */
int proc_own_dir(char ret[PATH_MAX]) _nodiscard_;
/*
 * Directory with the helper programs (libexec/carrel), found relative to the running program:
 * PREFIX/bin/carrel -> PREFIX/libexec/carrel; in a build tree BUILD/carrel -> BUILD/libexec/carrel
 * (made by make). Returns an O_PATH descriptor.
 */
int proc_open_libexec(struct error *err) _nodiscard_;
