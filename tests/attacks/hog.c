/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs inside a container and takes what it is told to.
 *	hog memory MIB		touches so much, a mebibyte at a time, and says how far it is; then
 *				a beat every 10 ms for a minute
 *	hog vfork MIB		holds so much, and five times a vfork child that takes its time
 *	hog excuse MIB		so much in a forked child, beside a vfork child that sleeps
 *	hog share MIB		holds so much with three forked children
 *	hog busy MIB		the same beside processes that use all CPU time
 *	hog hidden MIB		as another user, undumpable
 *	hog nested MIB		in user, pid and mount namespaces of its own
 *	hog headless MIB	in a thread, when the first one has ended
 *	hog relay MIB		the same where threads start one another and end at once
 *	hog mapped MIB FILE	writes a file of so much, and changes all of it by a mapping
 *	hog bomb MIB		each process forks as fast as it can and takes so much each time
 *	hog sysv MIB		shared memory and messages that no process has, as far as it goes
 *	hog threads		threads that use all CPU time, without the first one
 *	hog sigwait		catches nothing and waits for SIGTERM, then ends with 7
 *	hog forks		forks until it is refused, half of them as another user; says how
 *many
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MIB = 1 << 20,
	BEAT_MS = 10,
	BEATS = 6000,
	CHILD_MS = 400,
	PARTS = 4,
	STAY_MS = 60000,
	SPINNERS = 6,
};

static void wait_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

static char *hold(int mib)
{
	char *p = malloc((size_t)mib * MIB);

	if (!p)
		exit(3);
	memset(p, 1, (size_t)mib * MIB);
	return p;
}

static int take_memory(int mib)
{
	for (int i = 1; i <= mib; i++) {
		(void)hold(1);
		(void)dprintf(1, "held %d\n", i);
	}
	for (int i = 0; i < BEATS; i++) {
		(void)dprintf(1, "beat %d\n", i);
		wait_ms(BEAT_MS);
	}
	return 0;
}

/* In small parts, so that no single process has much of it; then there is time to be found. */
static int take_and_stay(int mib)
{
	int pipes[2];
	char c;

	if (pipe(pipes) < 0)
		return 3;
	for (int i = 0; i < PARTS; i++)
		if (fork() == 0) {
			(void)hold(mib / PARTS);
			(void)write(pipes[1], "", 1);
			(void)pause();
		}
	for (int i = 0; i < PARTS; i++)
		if (read(pipes[0], &c, 1) != 1)
			return 3;
	wait_ms(STAY_MS);
	(void)dprintf(1, "survived\n");
	return 0;
}

static void *spin(void *arg)
{
	for (;;)
		;
	return arg;
}

/* The first thread ends, and with it what /proc/PID/stat says of the others. */
static int leave_threads_behind(void)
{
	pthread_t t;

	for (int i = 0; i < SPINNERS; i++)
		if (pthread_create(&t, NULL, spin, NULL) != 0)
			return 3;
	(void)dprintf(1, "up\n");
	pthread_exit(NULL);
}

static void *hold_as_thread(void *arg)
{
	wait_ms(BEAT_MS);
	(void)hold(*(int *)arg);
	(void)dprintf(1, "held\n");
	wait_ms(STAY_MS);
	(void)dprintf(1, "survived\n");
	exit(0);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t relay_end;

static void *pass_on(void *arg)
{
	pthread_t t;

	if (now_ms() > relay_end) {
		(void)dprintf(1, "survived\n");
		exit(0);
	}
	while (pthread_create(&t, NULL, pass_on, arg) != 0)
		;
	(void)pthread_detach(t);
	return NULL;
}

/* Whoever reads the list of threads finds none of them alive any more. */
static void *hold_and_pass_on(void *arg)
{
	(void)hold(*(int *)arg);
	relay_end = now_ms() + STAY_MS;
	return pass_on(arg);
}

static int leave_it_to(void *(*thread)(void *), int mib)
{
	static int kept;
	pthread_t t;

	kept = mib;
	(void)dprintf(1, "started\n");
	if (pthread_create(&t, NULL, thread, &kept) != 0)
		return 3;
	pthread_exit(NULL);
}

static int take_while_busy(int mib)
{
	(void)dprintf(1, "started\n");
	for (int i = 0; i < SPINNERS; i++)
		if (fork() == 0)
			for (;;)
				;
	return take_and_stay(mib);
}

static int take_hidden(int mib)
{
	if (setgid(33) < 0 || setuid(33) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return 3;
	(void)dprintf(1, "started\n");
	return take_and_stay(mib);
}

static int take_nested(int mib)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0)
		return 3;
	(void)dprintf(1, "started\n");
	return take_and_stay(mib);
}

static int lend(int mib)
{
	char *p = hold(mib);

	for (int i = 0; i < 5; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			wait_ms(CHILD_MS);
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
	(void)dprintf(1, "lived %d\n", p[MIB / 2]);
	return 0;
}

/* By flags and virtual size both children look like one that has lent all it has. */
static int excuse(int mib)
{
	size_t size = (size_t)mib * MIB;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 3;
	(void)dprintf(1, "started\n");
	if (fork() == 0) {
		memset(p, 1, size);
		(void)pause();
	}
	if (vfork() == 0) {
		wait_ms(STAY_MS);
		_exit(0);
	}
	(void)dprintf(1, "survived\n");
	return 0;
}

static int share(int mib)
{
	char *p = hold(mib);
	int sum = 0;

	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			for (int k = 0; k < mib; k++)
				sum += p[k * MIB];
			wait_ms(4 * CHILD_MS);
			_exit(sum == mib ? 0 : 1);
		}
	while (wait(NULL) > 0)
		;
	(void)dprintf(1, "lived %d\n", p[MIB / 2]);
	return 0;
}

/* Page cache: the kernel can have it back. */
static int map_file(int mib, const char *path)
{
	static char block[MIB];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p;

	for (int i = 0; i < mib; i++)
		if (write(fd, block, MIB) != MIB)
			return 3;
	p = mmap(NULL, (size_t)mib * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 3;
	memset(p, 1, (size_t)mib * MIB);
	(void)dprintf(1, "mapped\n");
	for (int i = 0; i < BEATS; i++) {
		p[i % mib * MIB]++;
		wait_ms(BEAT_MS);
	}
	(void)dprintf(1, "lived %d\n", p[MIB / 2]);
	return 0;
}

static int bomb(int mib)
{
	(void)dprintf(1, "started\n");
	for (;;)
		if (fork() < 0)
			wait_ms(1);
		else
			(void)hold(mib);
}

static int leave_in_the_kernel(int mib)
{
	struct {
		long type;
		char text[8192];
	} m = { .type = 1 };
	int n = 0, queue;
	long bytes = 0;

	for (; n < mib; n++) {
		int id = shmget(IPC_PRIVATE, MIB, IPC_CREAT | 0600);
		char *p = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

		if (p == (char *)-1)
			break;
		memset(p, 1, MIB);
		(void)shmdt(p);
	}
	while (bytes < (long)mib * MIB && (queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600)) >= 0)
		while (msgsnd(queue, &m, sizeof(m.text), IPC_NOWAIT) == 0)
			bytes += sizeof(m.text);
	(void)dprintf(1, "shared %d, messages %ld\n", n, bytes / MIB);
	return 0;
}

/* The number of children until the first refusal. */
static int fork_until(int most)
{
	int n = 0;

	for (; n < most; n++) {
		pid_t pid = fork();

		if (pid < 0 && errno != EAGAIN)
			return -1;
		if (pid < 0)
			break;
		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
	}
	return n;
}

static int take_processes(void)
{
	int first = fork_until(8), second, pipes[2];
	pid_t other;

	if (pipe(pipes) < 0)
		return 3;
	other = fork();
	if (other == 0) {
		int n = setgid(33) < 0 || setuid(33) < 0 ? -1 : fork_until(500);

		(void)write(pipes[1], &n, sizeof(n));
		(void)pause();
		_exit(0);
	}
	if (other < 0 || read(pipes[0], &second, sizeof(second)) != sizeof(second))
		return 3;
	/* We, the other one, and our children; now there is room for none of either. */
	(void)dprintf(1, "processes %d, then %d\n", 2 + first + second, fork_until(1));
	return 0;
}

static int wait_for_term(void)
{
	sigset_t set;
	int sig;

	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)dprintf(1, "ready\n");
	while (sigwait(&set, &sig) == 0 && sig != SIGTERM)
		;
	return 7;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int mib = argc > 2 ? atoi(argv[2]) : 0;

	if (strcmp(what, "memory") == 0)
		return take_memory(mib);
	if (strcmp(what, "busy") == 0)
		return take_while_busy(mib);
	if (strcmp(what, "hidden") == 0)
		return take_hidden(mib);
	if (strcmp(what, "nested") == 0)
		return take_nested(mib);
	if (strcmp(what, "vfork") == 0)
		return lend(mib);
	if (strcmp(what, "excuse") == 0)
		return excuse(mib);
	if (strcmp(what, "headless") == 0)
		return leave_it_to(hold_as_thread, mib);
	if (strcmp(what, "relay") == 0)
		return leave_it_to(hold_and_pass_on, mib);
	if (strcmp(what, "share") == 0)
		return share(mib);
	if (strcmp(what, "mapped") == 0 && argc > 3)
		return map_file(mib, argv[3]);
	if (strcmp(what, "bomb") == 0)
		return bomb(mib);
	if (strcmp(what, "sysv") == 0)
		return leave_in_the_kernel(mib);
	if (strcmp(what, "threads") == 0)
		return leave_threads_behind();
	if (strcmp(what, "sigwait") == 0)
		return wait_for_term();
	if (strcmp(what, "forks") == 0)
		return take_processes();
	return 2;
}
