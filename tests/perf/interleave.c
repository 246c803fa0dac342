/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

/*
 * interleave ROUNDS ATONCE PROGRAM [ARG...] :: PROGRAM [ARG...] :: ...
 *
 * Runs the programs in turn, so that what disturbs the machine disturbs them all. With ATONCE
 * above 1 each turn starts so many of one program together. "%n" in an argument is a number that
 * no other start has. One line per program: median, 90th percentile (microseconds of a turn), CPU
 * time per start, largest RSS of one process (kB), failures. Written in C because an interpreter's
 * own start of a child costs as much as what is measured.
 */
enum {
	PROGRAMS_MAX = 16,
	ARGS_MAX = 64,
	ATONCE_MAX = 1000,
};

struct program {
	char *argv[ARGS_MAX];
	double *turns;
	double cpu;
	long rss;
	unsigned failed;
};

struct bench {
	struct program programs[PROGRAMS_MAX];
	unsigned n, rounds, at_once;
	unsigned long serial;
	bool verbose;
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec * 1e6 + (double)t->tv_usec;
}

static pid_t start(struct bench *b, const struct program *p, char **environment)
{
	char text[ARGS_MAX][256], *argv[ARGS_MAX];
	posix_spawn_file_actions_t fa;
	size_t i;
	pid_t pid;
	int r;

	b->serial++;
	for (i = 0; p->argv[i]; i++) {
		const char *at = strstr(p->argv[i], "%n");

		argv[i] = p->argv[i];
		if (!at)
			continue;
		(void)snprintf(text[i], sizeof(text[i]), "%.*s%lu%s", (int)(at - p->argv[i]),
			       p->argv[i], b->serial, at + 2);
		argv[i] = text[i];
	}
	argv[i] = NULL;
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	if (!b->verbose)
		(void)posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environment);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r == 0)
		return pid;
	(void)fprintf(stderr, "interleave: %s: %s\n", argv[0], strerror(r));
	exit(2);
}

/* The turn ends with the programs; stragglers that they left behind are waited for, untimed. */
static double turn(struct bench *b, struct program *p, char **environment)
{
	pid_t pids[ATONCE_MAX], pid;
	unsigned left = b->at_once;
	double began = now(), took = 0;
	struct rusage ru;
	int status;

	for (unsigned i = 0; i < b->at_once; i++)
		pids[i] = start(b, p, environment);
	while ((pid = wait4(-1, &status, 0, &ru)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		p->cpu += seconds(&ru.ru_utime) + seconds(&ru.ru_stime);
		if (ru.ru_maxrss > p->rss)
			p->rss = ru.ru_maxrss;
		for (unsigned i = 0; i < b->at_once; i++) {
			if (pids[i] != pid)
				continue;
			p->failed += !WIFEXITED(status) || WEXITSTATUS(status);
			if (--left == 0)
				took = now() - began;
		}
	}
	return took;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void parse_programs(struct bench *b, char **argv)
{
	size_t k = 0;

	for (; *argv; argv++) {
		if (str_eq(*argv, "::")) {
			b->n++;
			k = 0;
		} else if (b->n < PROGRAMS_MAX && k + 1 < ARGS_MAX) {
			b->programs[b->n].argv[k++] = *argv;
		}
	}
	b->n++;
	for (unsigned i = 0; i < b->n; i++)
		b->programs[i].turns = xcalloc(b->rounds, sizeof(double));
}

int main(int argc, char **argv, char **environment)
{
	struct bench b = { .verbose = getenv("PERF_VERBOSE") != NULL };

	if (argc < 4 || num_u32(argv[1], &b.rounds) < 0 || num_u32(argv[2], &b.at_once) < 0 ||
	    b.rounds < 1 || b.at_once < 1 || b.at_once > ATONCE_MAX) {
		(void)fputs("usage: interleave ROUNDS ATONCE PROGRAM [ARG...] [:: ...]\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	parse_programs(&b, argv + 3);
	/* The first turn of each warms the caches and is not counted. */
	for (unsigned i = 0; i <= b.rounds; i++)
		for (unsigned k = 0; k < b.n; k++) {
			double took = turn(&b, &b.programs[k], environment);

			if (i > 0)
				b.programs[k].turns[i - 1] = took;
			else
				b.programs[k].cpu = 0;
		}
	for (unsigned k = 0; k < b.n; k++) {
		struct program *p = &b.programs[k];

		qsort(p->turns, b.rounds, sizeof(double), compare);
		printf("%.0f %.0f %.0f %ld %u\n", p->turns[b.rounds / 2],
		       p->turns[b.rounds * 9 / 10], p->cpu / b.rounds / b.at_once, p->rss,
		       p->failed);
		free(p->turns);
	}
	return 0;
}
