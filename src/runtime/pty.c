/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fd.h"

int pty_open(int devpts, unsigned short rows, unsigned short cols, struct pty *ret,
	     struct error *err)
{
	_cleanup_(fd_closep) int slave = -1;
	_cleanup_(fd_closep) int master =
		openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	struct winsize size = { .ws_row = rows, .ws_col = cols };
	struct statfs fs;
	int unlock = 0;

	if (master < 0)
		return error_sys(err, "open a terminal in the container");
	/* With exec the directory is the container's to have changed. */
	if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return error_set(err, -ENOTTY, "/dev/pts of the container is no devpts");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return error_sys(err, "unlock the terminal");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_sys(err, "open the terminal's other end");
	/* Before the program starts: it asks once, at its beginning. */
	if (rows && cols && ioctl(master, TIOCSWINSZ, &size) < 0)
		return error_sys(err, "set the size of the terminal");
	*ret = (struct pty){ .master = TAKE_FD(master), .slave = TAKE_FD(slave) };
	return 0;
}
