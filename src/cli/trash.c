/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/trash.h"

#include <fcntl.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/proc.h"
#include "runtime/idmap.h"
#include "runtime/userns.h"
#include "storage/sweep.h"

struct job {
	struct store *store;
	unsigned budget_ms;
};

static int empty_child(void *arg)
{
	const struct job *j = arg;
	_cleanup_(fd_closep) int fd =
		openat(j->store->root_fd, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct idmap map;
	int r;

	if (fd < 0 || idmap_load(&map, NULL) < 0 || userns_enter(&map, NULL) < 0)
		return EXIT_OURS;
	r = store_empty_trash(fd, j->budget_ms, NULL);
	/* Made when there were more ids; the next command that has them deletes it. */
	if (r < 0 && idmap_is_single(&map))
		log_warn(DCODE_SUBID_CHANGED,
			 "files of ids that you do not have now stay in %s/trash", j->store->path);
	return r < 0 ? EXIT_OURS : 0;
}

void trash_empty(struct store *s, unsigned budget_ms)
{
	struct job j = { s, budget_ms };
	struct proc p;
	int status = 0, r;

	r = proc_clone(0, -1, empty_child, &j, &p);
	if (r == 0) {
		r = proc_wait(&p, &status);
		proc_done(&p);
	}
	/* The record is gone in any case; files wait in trash/ for a command that can. */
	if (r < 0 || status)
		log_debug("trash", "not emptied: %d, status %d", r, status);
}
