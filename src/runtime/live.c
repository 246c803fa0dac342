/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/num.h"

enum {
	TRIES = 8, /* against threads that follow one another */
};

/* What has ended has no mount namespace. EACCES: it is somebody else's, and lives. */
static bool lives(int dir, const char *name)
{
	char path[48];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%.24s/ns/mnt", name);
	return fstatat(dir, path, &st, 0) == 0 || errno == EACCES;
}

static pid_t find(DIR *d)
{
	struct dirent *e;
	uint32_t tid;

	while ((e = readdir(d)))
		if (num_u32(e->d_name, &tid) == 0 && lives(dirfd(d), e->d_name))
			return (pid_t)tid;
	return -ESRCH;
}

pid_t live_thread(pid_t pid)
{
	pid_t found = -ESRCH;
	char path[32];
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	if (lives(AT_FDCWD, path))
		return pid;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	for (int i = 0; d && found < 0 && i < TRIES; i++) {
		rewinddir(d);
		found = find(d);
	}
	if (d)
		(void)closedir(d);
	return found;
}

const char *live_dir(pid_t pid, char buf[LIVE_DIR_MAX])
{
	pid_t tid = live_thread(pid);

	if (tid < 0 || tid == pid)
		(void)snprintf(buf, LIVE_DIR_MAX, "/proc/%d", pid);
	else
		(void)snprintf(buf, LIVE_DIR_MAX, "/proc/%d/task/%d", pid, tid);
	return buf;
}
