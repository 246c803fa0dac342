/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/str.h"
#include "runtime/ctr.h"

enum {
	STATUS_SIZE_MAX = 16 << 10,
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

bool signal_is_lost_by(const char *status, int sig)
{
	uint64_t caught, blocked;

	if (sig == SIGKILL || sig == SIGSTOP || sig < 1)
		return false;
	if (!read_mask(status, "\nSigCgt:\t", &caught) ||
	    !read_mask(status, "\nSigBlk:\t", &blocked))
		return false;
	/* Blocked may mean a signalfd or sigwait behind it. */
	return !((caught | blocked) >> (sig - 1) & 1);
}

bool signal_is_lost(pid_t pid, int sig)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(fd_closep) int fd = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_to_end(fd, STATUS_SIZE_MAX, &text, NULL) < 0)
		return false;
	return signal_is_lost_by(text, sig);
}
