/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/tty.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int tty_raw(struct tty *t, int fd)
{
	struct termios raw;

	t->fd = -1;
	if (!isatty(fd))
		return 0;
	if (tcgetattr(fd, &t->saved) < 0)
		return -errno;
	raw = t->saved;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
		return -errno;
	t->fd = fd;
	return 0;
}

void tty_restore(struct tty *t)
{
	if (t->fd >= 0)
		(void)tcsetattr(t->fd, TCSADRAIN, &t->saved); /* EIO: it was hung up */
	t->fd = -1;
}

int tty_need_input(const char *hint, struct error *err)
{
	if (isatty(STDIN_FILENO) || tty_is_gone())
		return 0;
	error_set(err, -EINVAL, "the input device is not a TTY");
	error_hint(err, "%s", hint);
	return -EINVAL;
}

bool tty_is_gone(void)
{
	for (int fd = 0; fd <= 1; fd++) {
		struct pollfd p = { .fd = fd };
		struct stat st;

		/* isatty() denies it by then. */
		if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && poll(&p, 1, 0) == 1 &&
		    (p.revents & POLLHUP))
			return true;
	}
	return false;
}

void tty_size(unsigned short *ret_rows, unsigned short *ret_cols)
{
	*ret_rows = *ret_cols = 0;
	for (int fd = 0; fd <= 2; fd++) {
		struct winsize w;

		if (ioctl(fd, TIOCGWINSZ, &w) < 0)
			continue;
		*ret_rows = w.ws_row;
		*ret_cols = w.ws_col;
		return;
	}
}
