/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/loop.h"

static const int not_proxied[] = {
	SIGCHLD, SIGPIPE, SIGWINCH, SIGURG,  SIGSEGV, SIGBUS,  SIGFPE,	SIGILL,
	SIGTRAP, SIGSYS,  SIGABRT,  SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGXFSZ,
};

void signals_proxied(sigset_t *ret)
{
	(void)sigfillset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(not_proxied); i++)
		(void)sigdelset(ret, not_proxied[i]);
}

int signals_open(int with_winch)
{
	sigset_t set;

	signals_proxied(&set);
	if (with_winch)
		(void)sigaddset(&set, SIGWINCH);
	return loop_signalfd(&set);
}

int signals_read(int fd)
{
	struct signalfd_siginfo si;
	ssize_t n;

	do
		n = read(fd, &si, sizeof(si));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(si) ? (int)si.ssi_signo : 0;
}
