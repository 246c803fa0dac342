/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Theory of operation. Holds a container to its memory limit where no cgroup does (watchctl.h): it
 * looks at /proc of the container's own pid namespace, adds up, and kills pid 1 past the limit, and
 * with it everything. Nothing is allocated after the start, and its pages are locked: it must run
 * when memory is short.
 *
 * Its root directory is that proc mount, read-only; it has no capability, an id of its own, and a
 * handful of system calls. What it reads are numbers that the kernel wrote. From inside it cannot
 * be seen, traced or signalled, and its CPU time is that of a session of its own. It ends when pid
 * 1 does: it waits for nothing else.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/exitcode.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/sandbox.h"
#include "watchctl.h"
#include "watchdog/sample.h"
#include "watchdog_filter.h"

/* #syscalls: poll ppoll pidfd_send_signal pwrite64 write clock_gettime exit_group */
/* #syscalls: rt_sigreturn restart_syscall */

enum {
	CONFIRM_MS = 20,      /* between two looks that both have to say too much */
	GROWTH_MS_SHIFT = 20, /* nothing touches more than a mebibyte in a millisecond */
	REST = 10, /* for each millisecond of CPU time that a look takes, so many without */
};

struct watch {
	uint64_t limit;
	uid_t uid;
	int dirfd;
};

/* Not the time of the day: where a container keeps all CPUs busy a look waits for its turn, and the
 * container is not to win time by that. */
static int64_t cpu_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* True when pid 1 has ended. */
static bool wait_ms(int ms)
{
	struct pollfd p = { .fd = WATCH_PIDFD, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static void stop(void)
{
	static const char events[] = "oom_kill 1\n";

	/* First the cause, then the effect: who sees the end reads why. */
	ignore_result(pwrite(WATCH_EVENTS_FD, events, sizeof(events) - 1, 0)); /* memory: fits */
	(void)syscall(SYS_pidfd_send_signal, WATCH_PIDFD, SIGKILL, NULL, 0);
}

/* An upper bound, or the real value where that is above the limit, as far as needed. */
static int look(const struct watch *w, struct sample *ret)
{
	struct sample s = { 0 };
	int r = sample_resident(w->dirfd, &s.bytes);

	if (r == 0 && s.bytes > w->limit)
		r = sample_proportional(w->dirfd, w->limit, s.bytes, &s);
	if (r == 0)
		*ret = s;
	return r;
}

/* Where the first look had to wait the second would, too, and longer: then by the ratio of the
 * first. */
static int look_again(const struct watch *w, const struct sample *first, uint64_t *ret)
{
	struct sample s = { 0 };
	int r;

	if (!first->slow || !first->of) {
		r = look(w, &s);
	} else {
		r = sample_resident(w->dirfd, &s.bytes);
		s.bytes = (uint64_t)((double)first->bytes / (double)first->of * (double)s.bytes);
	}
	if (r == 0)
		*ret = s.bytes;
	return r;
}

static int interval_ms(const struct watch *w, uint64_t used, int64_t took)
{
	int64_t ms = used < w->limit ? (int64_t)((w->limit - used) >> GROWTH_MS_SHIFT) : 0;

	if (ms < took * REST)
		ms = took * REST;
	if (ms < WATCH_INTERVAL_MIN_MS)
		ms = WATCH_INTERVAL_MIN_MS;
	return ms > WATCH_INTERVAL_MAX_MS ? WATCH_INTERVAL_MAX_MS : (int)ms;
}

static int watch(const struct watch *w)
{
	bool ready = false;

	for (;;) {
		int64_t begin = cpu_ms();
		struct sample s = { 0 };
		uint64_t again = 0;
		int r = look(w, &s);

		if (r < 0)
			return r;
		if (!ready && write(WATCH_READY_FD, "", 1) != 1)
			return -EPIPE;
		if (!ready)
			fd_close(WATCH_READY_FD);
		ready = true;
		if (s.bytes > w->limit) {
			/* A process that ended and one that began since may both be in one sum. */
			if (wait_ms(CONFIRM_MS))
				return 0;
			r = look_again(w, &s, &again);
			if (r < 0)
				return r;
			if (again > w->limit) {
				stop();
				return 0;
			}
		}
		if (wait_ms(interval_ms(w, s.bytes, cpu_ms() - begin)))
			return 0;
	}
}

static int confine(struct watch *w)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (fchdir(WATCH_PROC_FD) < 0 || chroot(".") < 0)
		return -errno;
	fd_close(WATCH_PROC_FD);
	w->dirfd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dirfd < 0)
		return -errno;
	/* As far as the user's own limit goes, and only what is used. */
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	(void)setgroups(0, NULL); /* EPERM: a map of one id */
	if (setresuid(w->uid, w->uid, w->uid) < 0)
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	struct watch w = { .dirfd = -1 };
	sigset_t all;
	int r;

	if (argc != WATCH_ARGS || num_u64(argv[WATCH_ARG_LIMIT], &w.limit) < 0 ||
	    num_u32(argv[WATCH_ARG_UID], &w.uid) < 0)
		return EXIT_OURS;
	/* Of the caller, who waits for their end; this process outlives him. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		fd_close(fd);
	/* A logout may send SIGTERM to all that was started in the session, long before the
	 * container ends: with it the container would. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	r = sandbox_bounding(NULL);
	if (r == 0)
		r = confine(&w);
	if (r == 0)
		r = sandbox_caps(NULL);
	if (r == 0)
		r = sandbox_filter(watchdog_filter, ARRAY_SIZE(watchdog_filter), NULL);
	if (r == 0)
		r = watch(&w);
	/* With pid 1 there is nothing to see any more. */
	if (r == 0 || wait_ms(0))
		return 0;
	/* Blind, it cannot hold the limit: better no container than one without. */
	(void)syscall(SYS_pidfd_send_signal, WATCH_PIDFD, SIGKILL, NULL, 0);
	return EXIT_OURS;
}
