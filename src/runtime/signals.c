/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/procstat.h"
#include "base/str.h"
#include "runtime/ctr.h"

enum {
	STATUS_SIZE_MAX = 4096,
	CALL_SIZE_MAX = 256,
	LOOKS_MAX = 200,
	LOOK_MS = 1,
};

enum hearing {
	HEARS,
	DEAF,
	UNCLEAR,
};

static const struct {
	const char *name;
	int number;
} aliases[] = {
	{ "IOT", SIGIOT },
	{ "CLD", SIGCHLD },
	{ "POLL", SIGPOLL },
};

static int realtime(const char *s, int *ret)
{
	int base = SIGRTMIN, sign = 1;
	uint32_t n;

	if (strncasecmp(s, "RTMIN", 5) == 0) {
		s += 5;
	} else if (strncasecmp(s, "RTMAX", 5) == 0) {
		s += 5;
		base = SIGRTMAX;
		sign = -1;
	} else {
		return -EINVAL;
	}
	if (!*s) {
		*ret = base;
		return 0;
	}
	if (*s != (sign > 0 ? '+' : '-') || num_u32(s + 1, &n) < 0 ||
	    n > (uint32_t)(SIGRTMAX - SIGRTMIN))
		return -EINVAL;
	*ret = base + sign * (int)n;
	return 0;
}

static int by_name(const char *s, int *ret)
{
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcasecmp(s, aliases[i].name) == 0) {
			*ret = aliases[i].number;
			return 0;
		}
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(s, name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return realtime(s, ret);
}

int signal_parse(const char *s, int *ret, struct error *err)
{
	uint32_t n;

	if (isdigit((unsigned char)*s)) {
		if (num_u32(s, &n) == 0 && n >= 1 && n <= (uint32_t)SIGRTMAX) {
			*ret = (int)n;
			return 0;
		}
	} else if (by_name(s, ret) == 0) {
		return 0;
	}
	error_set(err, -EINVAL, "there is no signal %s", s);
	error_hint(err, "use a name of signal(7) such as TERM or SIGRTMIN+3, or a number");
	return -EINVAL;
}

/* The hexadecimal mask behind "Name:\t" in /proc/PID/status. */
static bool read_mask(const char *status, const char *name, uint64_t *ret)
{
	const char *p = strstr(status, name);
	uint64_t v = 0;

	if (!p)
		return false;
	for (p += strlen(name); isxdigit((unsigned char)*p); p++) {
		int c = tolower((unsigned char)*p);

		v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = v;
	return true;
}

/* Blocked may mean a signalfd behind it, and whoever is traced may be told of everything. */
static bool is_dropped(const char *status, int sig)
{
	uint64_t caught, blocked, tracer;

	if (!read_mask(status, "\nSigCgt:\t", &caught) ||
	    !read_mask(status, "\nSigBlk:\t", &blocked) ||
	    !read_mask(status, "\nTracerPid:\t", &tracer))
		return false;
	return !((caught | blocked) >> (sig - 1) & 1) && tracer == 0;
}

/*
 * While sigwait, sigwaitinfo or sigtimedwait wait (as tini and our own init do for all their life),
 * the kernel shows what they wait for as not blocked: SigBlk tells nothing. By number: the one of
 * 64 bits, and those of 32 bits on x86 and arm.
 */
static bool is_sigwait(const char *call)
{
	uint32_t n;
	char number[12];
	size_t len = strcspn(call, " \n");

	if (len >= sizeof(number))
		return true;
	memcpy(number, call, len);
	number[len] = '\0';
	/* Else "running", or "-1" outside of a call. */
	return num_u32(number, &n) == 0 && (n == SYS_rt_sigtimedwait || n == 177 || n == 421);
}

static enum hearing listen_once(int status_fd, int syscall_fd, int sig)
{
	char status[STATUS_SIZE_MAX], call[CALL_SIZE_MAX];

	if (fd_read_text(syscall_fd, call, sizeof(call)) <= 0 || is_sigwait(call) ||
	    fd_read_text(status_fd, status, sizeof(status)) <= 0 || !is_dropped(status, sig))
		return HEARS;
	return str_starts(call, "running") ? UNCLEAR : DEAF;
}

/* In clock ticks, or 0. */
static uint64_t time_used(int stat_fd)
{
	struct procstat st;

	return procstat_read(stat_fd, &st) == 0 ? st.ticks : 0;
}

/*
 * Twice, for it may go into the wait after one look and come out of it before the next. What runs,
 * or wants to, may have been woken from the wait by another signal, and shows it when it had the
 * processor: that it did, its time tells.
 */
bool signal_is_lost_by(int status_fd, int syscall_fd, int stat_fd, int sig)
{
	uint64_t began = time_used(stat_fd);

	if (sig == SIGKILL || sig == SIGSTOP || sig < 1)
		return false;
	for (int deaf = 0, i = 0; i < LOOKS_MAX; i++) {
		enum hearing now = listen_once(status_fd, syscall_fd, sig);

		if (now == HEARS)
			return false;
		deaf = now == DEAF ? deaf + 1 : 0;
		if (deaf == 2 || time_used(stat_fd) > began + 1)
			return true;
		if (deaf == 0)
			(void)poll(NULL, 0, LOOK_MS); /* nothing tells when it had its turn */
	}
	return false;
}

/* Of the first thread: the kernel asks that one, and the time of others tells nothing. */
bool signal_is_lost(pid_t pid, int sig)
{
	_cleanup_(fd_closep) int status = proc_open_file(pid, "status");
	_cleanup_(fd_closep) int call = proc_open_file(pid, "syscall");
	_cleanup_(fd_closep) int stat = proc_open_file(pid, "stat");

	return signal_is_lost_by(status, call, stat, sig);
}
