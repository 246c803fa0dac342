/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/account.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"

static const char caller_env[] = "CARREL_CALLER_UID";

char *dirs_home(struct error *err)
{
	const char *home = secure_getenv("HOME");
	_cleanup_(account_done) struct account a = { 0 };

	if (home && path_is_absolute(home))
		return xstrdup(home);
	if (account_get(getuid(), &a) == 0 && path_is_absolute(a.home))
		return TAKE_PTR(a.home);
	error_set(err, -EINVAL, "no home directory for user id %u", getuid());
	error_hint(err, "set HOME, or name the store by --root or CARREL_ROOT");
	error_host(err, DCODE_NO_PASSWD);
	return NULL;
}

char *dirs_store(const char *option_root, struct error *err)
{
	_cleanup_(freep) char *home = NULL;
	const char *s = option_root ? option_root : secure_getenv("CARREL_ROOT");

	if (s && *s)
		return xstrdup(s);
	s = secure_getenv("XDG_DATA_HOME");
	if (s && path_is_absolute(s))
		return xasprintf("%s/carrel", s);
	home = dirs_home(err);
	return home ? xasprintf("%s/.local/share/carrel", home) : NULL;
}

/* Ours alone, or not used: the directory holds control sockets and locks. */
static int open_own(const char *path, struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_sys(err, "make %s", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, "open %s", path);
	if (fstat(fd, &st) < 0)
		return error_sys(err, "look at %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		error_set(err, -EPERM, "%s is not a private directory of user id %u", path,
			  geteuid());
		error_hint(err, "it must belong to you with mode 0700; remove or rename it, or set "
				"XDG_RUNTIME_DIR");
		return -EPERM;
	}
	return TAKE_FD(fd);
}

/* A name in it can be taken away and given to something else by others. */
static bool is_open_to_others(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 022) && !(st.st_mode & S_ISVTX);
}

static uid_t caller(void)
{
	const char *kept = secure_getenv(caller_env);
	uint32_t uid;

	return kept && num_u32(kept, &uid) == 0 ? uid : geteuid();
}

static char *tmp_runtime(void)
{
	return xasprintf("/tmp/carrel-%u", caller());
}

void dirs_keep_caller(void)
{
	char uid[16];

	(void)snprintf(uid, sizeof(uid), "%u", caller());
	ignore_result(setenv(caller_env, uid, 1)); /* out of memory: refused by its owner */
}

int dirs_open_runtime(char **ret_path, struct error *err)
{
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");
	_cleanup_(freep) char *path = NULL;
	int fd;

	if (xdg && path_is_absolute(xdg)) {
		path = xasprintf("%s/carrel", xdg);
		fd = is_open_to_others(xdg) ? -EPERM : open_own(path, err);
		if (fd >= 0)
			goto out;
		log_debug("dirs", "%s unusable, using /tmp", path);
		free(TAKE_PTR(path));
		error_clear(err);
	}
	path = tmp_runtime();
	fd = open_own(path, err);
	if (fd < 0) {
		error_host(err, DCODE_NO_RUNTIME_DIR);
		return fd;
	}
out:
	if (ret_path)
		*ret_path = TAKE_PTR(path);
	return fd;
}

/* By its canonical path; of one that is not there, what the words say. */
void dirs_env_store(struct strv *ret)
{
	const char *root = secure_getenv("CARREL_ROOT");
	_cleanup_(freep) char *real = root && *root ? realpath(root, NULL) : NULL;
	_cleanup_(freep) char *whole = NULL;
	char cwd[PATH_MAX] = "", clean[PATH_MAX];

	if (!root || !*root)
		return;
	if (!real && !path_is_absolute(root) && !getcwd(cwd, sizeof(cwd)))
		return;
	whole = xasprintf("%s/%s", cwd, root);
	if (real)
		strv_add(ret, real);
	else if (path_normalize(whole, clean, sizeof(clean)) == 0)
		strv_add(ret, clean);
}

void dirs_home_stores(struct strv *ret)
{
	const char *xdg = secure_getenv("XDG_DATA_HOME");
	_cleanup_(freep) char *home = dirs_home(NULL);

	if (xdg && path_is_absolute(xdg))
		strv_addf(ret, "%s/carrel", xdg);
	if (home)
		strv_addf(ret, "%s/.local/share/carrel", home);
}

void dirs_runtimes(struct strv *ret)
{
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");

	if (xdg && path_is_absolute(xdg))
		strv_addf(ret, "%s/carrel", xdg);
	strv_add_take(ret, tmp_runtime());
	strv_addf(ret, "/run/user/%u/carrel", caller());
}
