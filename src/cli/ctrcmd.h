/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "cli/ctrconf.h"
#include "storage/container.h"

/* What the commands on existing containers share. */

/* For readers: nothing is written, an absent store has no containers. */
int ctrcmd_find(struct cli *cli, const char *name, struct container *ret,
		struct error *err) _nodiscard_;
int ctrcmd_record(struct container *c, struct ctrconf *ret, struct error *err) _nodiscard_;
int ctrcmd_write_record(struct container *c, const struct ctrconf *rec,
			struct error *err) _nodiscard_;

/* -EINVAL with a hint unless it runs. */
int ctrcmd_need_running(const struct container *c, struct error *err) _nodiscard_;
/* -EBUSY with a hint where it is paused. */
int ctrcmd_need_unpaused(const struct container *c, const char *what,
			 struct error *err) _nodiscard_;
/* By the freezer of its cgroup, or by signals to all of its processes; the record tells. */
int ctrcmd_pause(struct container *c, struct error *err) _nodiscard_;
int ctrcmd_unpause(struct container *c, struct error *err) _nodiscard_;
/* One of those as a command on each container that is named. */
int ctrcmd_pause_each(struct cli *cli, int argc, char **argv, bool pause,
		      struct error *err) _nodiscard_;
/* pidfd of pid 1; -ESRCH: it has just ended. */
int ctrcmd_open_init(const struct container *c, struct error *err) _nodiscard_;

/*
 * Call fn for each name. A failure does not keep the others from their turn: it is told at once,
 * and the last one is the command's. With ECHO the name is printed after each success, but for the
 * result 1: there was nothing to do.
 */
enum ctrcmd_flags {
	CTRCMD_ECHO = 1 << 0,
};
typedef int (*ctrcmd_fn)(struct cli *cli, const char *name, void *data, struct error *err);
int ctrcmd_each(struct cli *cli, char **names, ctrcmd_fn fn, enum ctrcmd_flags flags, void *data,
		struct error *err) _nodiscard_;
/* The same as the whole of a command whose arguments are names, without options of its own. */
int ctrcmd_run_each(struct cli *cli, int argc, char **argv, ctrcmd_fn fn, enum ctrcmd_flags flags,
		    void *data, struct error *err) _nodiscard_;

/* The whole of a command whose one argument is a container, with its own options: fn's result. */
typedef int (*ctrcmd_found_fn)(struct cli *cli, struct container *c, void *options,
			       struct error *err);
int ctrcmd_run_one(struct cli *cli, int argc, char **argv, void *options, ctrcmd_found_fn fn,
		   struct error *err) _nodiscard_;

/*
 * The lock of a container that does not run, as a descriptor. Right after its end its supervisor
 * still has it, and is waited for. -EAGAIN, with nothing in err: it runs by now, as c->state says.
 * -EBUSY: whoever has it does not let go.
 */
int ctrcmd_lock_ended(struct cli *cli, struct container *c, struct error *err) _nodiscard_;

/* Wait until this life of it is over, whoever starts it again meanwhile; with --rm until it is
 * removed. */
int ctrcmd_wait_end(struct cli *cli, const struct container *c, struct error *err) _nodiscard_;
/* Wait for the process that supervises it, where there is no lock to wait for. */
int ctrcmd_wait_supervisor(const struct container *c, struct error *err) _nodiscard_;
/*
 * The two halves: the lock's file, opened (-ENOENT: it went with its container), and waiting for
 * it. *ret_status (may be NULL): the exit status that the holder left in it, or -1; the descriptor
 * keeps it where the file is unlinked meanwhile.
 */
int ctrcmd_open_lock(struct cli *cli, const struct container *c, struct error *err) _nodiscard_;
int ctrcmd_wait_lock(int lock_fd, const struct container *c, int *ret_status,
		     struct error *err) _nodiscard_;

/* "created", "running", "paused", "exited" */
const char *ctrcmd_status(const struct container *c);

/*
 * A command that removes what it names: fn for each, with the store open for writing, and then
 * what has come to lie in trash/ is deleted by a child inside U, for at most 100 ms.
 */
int ctrcmd_remove_each(struct cli *cli, char **names, ctrcmd_fn fn, enum ctrcmd_flags flags,
		       void *data, struct error *err) _nodiscard_;
