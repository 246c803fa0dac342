/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "initctl.h"
#include "runtime/seccomp.h"
#include "runtime/tune.h"
#include "runtime/userns.h"

enum {
	CAP_NUMBER_MAX = 63,
	OVERFLOW_UID = 65534,
};

void exec_fail(int report, const struct error *err)
{
	ignore_result(send(report, err, sizeof(*err), MSG_NOSIGNAL)); /* nobody else to tell */
	_exit(error_exit_status(err));
}

bool exec_own_binary_is_safe(void)
{
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0)
		return false;
	/* Inside U: an owner that it does not map, host root or another user. Outside: root. The
	 * group may be one of the user's, and with it the container's. */
	return st.st_uid == (userns_is_inside() ? OVERFLOW_UID : 0) &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* /dev/stdout of a program that is not root is opened by path: the pipe must be its own. A FIFO
 * with a name is the user's file and stays the user's, as do pipes of another owner. */
static void give_pipe(int fd, uid_t uid)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC)
		ignore_result(fchown(fd, uid, (gid_t)-1));
}

static int take_stdio(const struct command *x, struct error *err)
{
	int high[3];

	/* Two passes: a source may have the number that another one is going to. */
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(x->stdio[i], F_DUPFD_CLOEXEC, 3);
		if (high[i] < 0)
			return error_sys(err, "take over standard descriptor %d", i);
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(high[i], i) < 0)
			return error_sys(err, "take over standard descriptor %d", i);
		if (x->user->uid != 0)
			give_pipe(i, x->user->uid);
	}
	return 0;
}

static int drop_bounding(uint64_t keep, struct error *err)
{
	for (int i = 0; i <= CAP_NUMBER_MAX; i++) {
		if (keep >> i & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				return 0; /* past the kernel's last one */
			return error_sys(err, "drop capability %d", i);
		}
	}
	return 0;
}

static int set_caps(const struct command *x, struct error *err)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	/* Root gets the set; any other user none, as in docker, but may gain it by a setuid file.
	 * Inheritable stays empty (CVE-2022-29162): it would leak into file capabilities. */
	if (x->user->uid == 0)
		for (int i = 0; i < 2; i++)
			d[i].effective = d[i].permitted = (uint32_t)(x->caps >> (32 * i));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_sys(err, "clear the ambient capabilities");
	if (syscall(SYS_capset, &h, d) < 0)
		return error_sys(err, "set the capabilities");
	return 0;
}

static int set_ids(const struct command *x, struct error *err)
{
	const struct user *u = x->user;

	/* The host's groups of the user came along into U: they end here, unless the map has one
	 * id: then the kernel lets nobody drop a group, and files may be the user's by one. */
	if ((!x->single && setgroups(u->n_groups, u->groups) < 0) ||
	    setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0) {
		error_sys(err, "become user %u:%u in the container", u->uid, u->gid);
		if (err->code == -EINVAL)
			error_hint(err,
				   "ids inside go up to 65535, or less far with a short range of "
				   "subordinate ids: `carrel doctor` shows it");
		return err->code;
	}
	return 0;
}

/* Already dead? Its end of the socket is closed then; getppid() is 0 here in any case. */
static int die_with_parent(const struct command *x, struct error *err)
{
	struct pollfd p = { .fd = x->report };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return error_sys(err, "tie the container to its supervisor");
	if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)))
		return error_set(err, -ESRCH, "the supervisor has ended");
	return 0;
}

static int set_seccomp(const struct command *x, struct error *err)
{
	int r;

	if (x->flags & CTR_SECCOMP_OFF)
		return 0;
	r = seccomp_apply(x->caps, err);
	if (r == 0 && command_is_answered(x))
		r = seccomp_apply_answers(err);
	return r;
}

static int give_up_privilege(const struct command *x, struct error *err)
{
	/* With one id nothing can be gained by a setuid file but what its owner, you, has. */
	bool nnp = (x->flags & CTR_NO_NEW_PRIVS) || x->single;
	int r = 0;

	/*
	 * 1. seccomp, while CAP_SYS_ADMIN of our namespace is held: later it would need
	 *    no_new_privs, and with that sudo and su inside are dead. It allows what follows.
	 */
	if (!nnp)
		r = set_seccomp(x, err);
	/* 2. The bounding set needs CAP_SETPCAP, which the next steps take away. */
	if (r == 0)
		r = drop_bounding(x->caps, err);
	/* 3. Ids while CAP_SETUID and CAP_SETGID are there. Groups first, for the same reason. */
	if (r == 0)
		r = set_ids(x, err);
	/* 4. After the ids: their change empties or keeps sets by its own rules. */
	if (r == 0)
		r = set_caps(x, err);
	/* 5. Asked for: nothing is gained by any exec from here on, so the filter may come last. */
	if (r == 0 && nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = error_sys(err, "set no_new_privs");
	if (r == 0 && nnp)
		r = set_seccomp(x, err);
	/* 6. Last: every change of credentials clears it. */
	return r < 0 ? r : die_with_parent(x, err);
}

/* As execvp(3) has it, but without leaving the choice to a later exec. */
static int find_program(const struct command *x, const char **ret, struct error *err)
{
	const char *word = x->argv[0];
	int denied = 0;

	for (unsigned i = 0; i < x->n_candidates; i++) {
		struct stat st;

		if (stat(x->candidates[i], &st) < 0) {
			if (errno != ENOENT && errno != ENOTDIR)
				denied = -errno;
			continue;
		}
		if (S_ISDIR(st.st_mode)) {
			denied = -EISDIR;
			continue;
		}
		if (faccessat(AT_FDCWD, x->candidates[i], X_OK, AT_EACCESS) == 0) {
			*ret = x->candidates[i];
			return 0;
		}
		denied = -errno;
	}
	if (denied) {
		error_code(err, denied, "exec: \"%s\"", word);
		if (denied == -EACCES)
			error_hint(err,
				   "the user inside may not execute it: `sh FILE` runs a script "
				   "all the same, --user takes another user");
		else if (denied == -EISDIR)
			error_hint(err, "name a program in it");
		error_exit(err, EXIT_CANNOT_EXEC);
		return denied;
	}
	if (strchr(word, '/'))
		error_code(err, -ENOENT, "exec: \"%s\"", word);
	else
		error_set(err, -ENOENT, "exec: \"%s\": executable file not found in $PATH", word);
	error_hint(err, "it is looked for in the image, where the command stands behind the "
			"image's name and its entry point");
	error_exit(err, EXIT_NOT_FOUND);
	return -ENOENT;
}

static int run_helper(const struct command *x, const char *path)
{
	if (fd_set_cloexec(INITCTL_REPORT_FD, false) < 0)
		return -errno;
	x->helper_argv[INITCTL_ARG_PATH] = (char *)path;
	ignore_result(sys_execveat(x->helper, "", x->helper_argv, x->envp, AT_EMPTY_PATH));
	return -errno;
}

static int run_program(const struct command *x, struct error *err)
{
	const char *path = NULL;
	int r = find_program(x, &path, err);

	if (r < 0)
		return r;
	if (x->helper >= 0) {
		r = run_helper(x, path);
		if (r == -E2BIG) /* of the command's own words */
			return proc_exec_error(err, r, x->argv[0]);
		return error_code(err, r, "execute libexec/carrel/init");
	}
	(void)execve(path, x->argv, x->envp);
	return proc_exec_error(err, -errno, x->argv[0]);
}

/* The host's, which came along, may hold secrets; by exec as well as by run. */
static int own_keyring(struct error *err)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		return 0;
	/* A kernel without keys has none to steal; a filter around us holds inside, too. */
	if (errno == ENOSYS || errno == EPERM)
		return 0;
	error_sys(err, "make a session keyring");
	error_hint(err, "the quota of /proc/sys/kernel/keys/maxkeys may be used up");
	return err->code;
}

void exec_wait(int report)
{
	char c;

	if (recv(report, &c, 1, 0) != 1)
		_exit(EXIT_OURS);
}

void exec_program(const struct command *x)
{
	int keep[2] = { x->report, x->helper }, r;
	struct error err = { 0 };

	/* A new session: the caller's terminal cannot be typed into (TIOCSTI). */
	(void)setsid(); /* EPERM: it leads one already */
	r = take_stdio(x, &err);
	if (r == 0 && (x->flags & CTR_TTY) && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		r = error_sys(&err, "make the terminal the controlling one");
	if (r == 0) {
		r = proc_close_fds(keep, x->helper >= 0 ? 2 : 1);
		if (r < 0)
			error_code(&err, r, "close the host's descriptors");
	}
	(void)umask(x->umask);
	if (r == 0 && x->helper >= 0 && dup2(x->report, INITCTL_REPORT_FD) < 0)
		r = error_sys(&err, "hand on the report");
	/* With a few files only no descriptor gets its number any more. */
	if (r == 0)
		r = tune_rlimits(x->rlimits, x->n_rlimits, &err);
	if (r == 0)
		r = own_keyring(&err);
	if (r == 0)
		r = give_up_privilege(x, &err);
	if (r == 0 && x->gated)
		exec_wait(x->report);
	if (r == 0)
		r = run_program(x, &err);
	exec_fail(x->report, &err);
}
