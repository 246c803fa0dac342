/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/autogroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

enum {
	TURN_MS = 3000,
	STEP_MS = 20,
};

/* Not for ever, whatever a container has put in the place of that file. */
static int write_once(int nice)
{
	_cleanup_(fd_closep) int fd =
		open("/proc/self/autogroup", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", nice);

	if (fd < 0)
		return -errno;
	return write(fd, text, (size_t)n) < 0 ? -errno : 0;
}

int autogroup_set(int nice)
{
	int64_t end = clock_ms() + TURN_MS;
	int r;

	/* No event says when it is free again: those who start at once take turns. */
	do
		r = write_once(nice);
	while (r == -EAGAIN && clock_ms() < end && poll(NULL, 0, STEP_MS) == 0);
	return r;
}

int autogroup_parse(const char *line, int *ret)
{
	static const char word[] = " nice ";
	const char *p = strstr(line, word); /* "/autogroup-123 nice 5" */
	int64_t n;

	if (!p || num_i64(p + sizeof(word) - 1, &n) < 0)
		return -EINVAL;
	*ret = (int)n;
	return 0;
}

int autogroup_get(pid_t pid, int *ret)
{
	char path[48], text[64];
	int r;

	/* Where it is off the file still has a number, which means nothing then. */
	r = path_read_line("/proc/sys/kernel/sched_autogroup_enabled", text, sizeof(text));
	if (r == 0 && str_eq(text, "0"))
		return -ENOENT;
	(void)snprintf(path, sizeof(path), "/proc/%d/autogroup", pid);
	r = path_read_line(path, text, sizeof(text));
	return r < 0 || !*text ? -ENOENT : autogroup_parse(text, ret);
}

bool autogroup_differs(pid_t pid, int nice)
{
	int has;

	return autogroup_get(pid, &has) == 0 && has != nice;
}
