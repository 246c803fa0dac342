/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/stdfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

static const char *std_name(int fd)
{
	return fd == 0 ? "standard input" : fd == 1 ? "standard output" : "standard error";
}

int stdfd_kind(int fd, enum stdfd_kind *ret, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return error_sys(err, "look at %s", std_name(fd));
	if ((flags & O_PATH) || S_ISDIR(st.st_mode)) {
		error_set(err, -EINVAL, "%s is a %s", std_name(fd),
			  S_ISDIR(st.st_mode) ? "directory" : "descriptor without access (O_PATH)");
		error_hint(err, "redirect it to a file or a pipe; a directory goes in by -v");
		return -EINVAL;
	}
	*ret = S_ISFIFO(st.st_mode) && st.st_uid == geteuid() ? STDFD_PASS : STDFD_RELAY;
	return 0;
}

bool stdfd_is_same(int a, int b)
{
	struct stat sa, sb;

	/* A file that was opened twice has two positions. */
	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino && !S_ISREG(sa.st_mode);
}

static int reopen_tty(int fd, bool for_write)
{
	struct path_fd path = path_of_fd(fd);

	return open(path.s, (for_write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int stdfd_open(int fd, bool for_write, enum stdfd_wait *ret, struct error *err)
{
	struct stat st;
	int own;

	if (fstat(fd, &st) < 0)
		return error_sys(err, "look at %s", std_name(fd));
	*ret = STDFD_ALWAYS;
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
		*ret = STDFD_SMALL;
	} else if (isatty(fd)) {
		*ret = STDFD_POLL;
		own = reopen_tty(fd, for_write);
		if (own >= 0)
			return own;
		*ret = STDFD_SMALL; /* somebody else's terminal (su): the one we were given */
	}
	own = fd_dup(fd);
	return own < 0 ? error_code(err, own, "duplicate %s", std_name(fd)) : own;
}

int stdfd_null(struct error *err)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? error_sys(err, "open /dev/null") : fd;
}
