/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/id.h"
#include "base/str.h"
#include "oci/digest.h"
#include "storage/store.h"

/*
 * containers/<id>/{config,state,log,upper,work}: one directory per container; names/<name> is a
 * symlink to the id, made atomically. `config` is JSON, written by the command that makes the
 * container, and again by the one that changes its limits (src/cli); `state` is versioned text,
 * replaced atomically by whoever supervises. The lock <runtime>/<store uuid>/<id>.lock, held for
 * life by the supervising process, says "alive": no pid is trusted for that.
 */
enum container_status {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_EXITED,
};

struct container_state {
	enum container_status status;
	pid_t pid;	     /* pid 1 of the container, in the host's pid namespace */
	uint64_t start_time; /* its proc_start_time(), against reuse of the number */
	pid_t supervisor;
	uint64_t supervisor_start;  /* container_state_set_supervisor() */
	char node[ID_NODE_LEN + 1]; /* id_node() of where it runs: pids mean something there only */
	int exit_code;
	bool remove_at_end;		/* --rm: a dead one is debris */
	char started[40], finished[40]; /* RFC 3339, "" = never */
	char boot[ID_BOOT_LEN + 1];
	char error[256];
	char cgroup[512];    /* below the cgroup2 mount; "" = none */
	uint64_t log_lost;   /* records of all runs that are not in its log */
	bool oom_killed;     /* something in it was killed for the memory limit */
	enum dcode one_id;   /* it has run with one id, for this reason: owners in upper may be
				others' */
	uint32_t ids;	     /* the map it runs with: owners_count(); 0 = not recorded */
	uint64_t ids_digest; /* owners_digest() of so many */
};

struct container {
	char id[ID_LEN + 1];
	char name[256];
	char created[40];
	struct digest image; /* manifest digest; unset = none */
	int dirfd;	     /* containers/<id> */
	bool paused;	     /* it runs, and container_set_paused() was called since its start */
	struct container_state state;
};

struct container_new {
	const char *name;   /* "" or NULL: generated (adjective_noun) */
	const char *config; /* stored as given */
	size_t config_len;
	struct digest image; /* manifest digest: rmi refuses it from now on; unset = none */
	bool remove_at_end;
};

/*
 * New record with a fresh id. -EEXIST: name in use. -ENOENT: the image was removed meanwhile. No
 * fsync: this is the start path. The lock for life is
 * taken before the record appears under containers/ and returned: no sweep ever sees the record of
 * a living command unlocked. remove_at_end goes into the first state (CONTAINER_CREATED), so that
 * a `run --rm` that is killed at any moment leaves debris that the sweep knows as such.
 */
int container_create(struct store *s, const struct container_new *new, struct container *ret,
		     int *ret_lock, struct error *err) _nodiscard_;
/* By full id, unique prefix, or name, a slash in front or not. -ENOENT. A record whose lock is free
 * but says running is returned as exited with code 137 (and its left-over processes are killed by
 * the sweep). */
int container_find(struct store *s, const char *name_or_id, struct container *ret,
		   struct error *err) _nodiscard_;
/* Open DIR/<id> (containers, staging) as it is recorded, whoever is alive; id is left empty. For
 * the sweep and the collector. -errno. */
int container_open_record(struct store *s, const char *dir, const char *id,
			  struct container *ret) _nodiscard_;
void container_done(struct container *c);
int container_list(struct store *s, struct container **ret, size_t *ret_n,
		   struct error *err) _nodiscard_;
void container_list_done(struct container *list, size_t n);
/* Replace it: what can be changed of a container that is there. A start reads it as a whole. */
int container_write_config(struct container *c, const char *config, size_t len,
			   struct error *err) _nodiscard_;
int container_read_config(struct container *c, char **ret, size_t *ret_len,
			  struct error *err) _nodiscard_;

/*
 * The text of `state` into buf; returns its length. Own file (storage/ctrstate.c, no JSON): the
 * supervisor, which may not open files for writing any more, writes it into a descriptor that it
 * opened early and renames that.
 */
enum {
	CONTAINER_STATE_MAX = 2048,
};
size_t container_format_state(const struct container_state *st, char buf[CONTAINER_STATE_MAX]);
/*
 * Say in the state who supervises: this process, or the pid given (not 0). The runtime directory
 * with the lock may vanish under a living container (logout removes /run/user/UID) or be another
 * one (cron has no XDG_RUNTIME_DIR): a container counts as dead only when its lock is free and
 * this process is gone. Pid and start time survive an exec.
 */
int container_state_set_supervisor(struct container_state *st, pid_t pid) _nodiscard_;
/* Replace `state` below dirfd. Plain write + rename, no allocation: the supervisor calls it. */
int container_write_state(int dirfd, const struct container_state *st) _nodiscard_;
int container_read_state(int dirfd, struct container_state *ret) _nodiscard_;

/*
 * A note of its own beside the state, which is the supervisor's to write as long as it lives: which
 * pid 1 was paused, so that the note of an earlier start says nothing.
 */
int container_set_paused(struct container *c, bool paused) _nodiscard_;

/* The lock for life. -EAGAIN: alive. */
int container_lock(struct store *s, const struct container *c) _nodiscard_;
/*
 * The exit status, left in the lock file for those who wait for the lock: where the record goes at
 * once (`run --rm`), they have nothing else to read it from. -1: nothing was left.
 */
int container_lock_set_status(int lock_fd, int status) _nodiscard_;
int container_lock_status(int lock_fd);
/*
 * The process that holds the lock and is in U, told to whoever wants to join that namespace. One
 * exec later it is the same process.
 */
int container_lock_set_process(int lock_fd) _nodiscard_;
/*
 * Processes told so, of living containers of this store: fn gets a pidfd and the number until it
 * returns something other than 0, which is returned. Looks at a few, not at all.
 */
typedef int (*container_process)(int pidfd, pid_t pid, void *arg, struct error *err);
int container_each_process(struct store *s, container_process fn, void *arg,
			   struct error *err) _nodiscard_;
/* By lock, or by the recorded supervisor. */
bool container_is_alive(struct store *s, const struct container *c);

/* Drop the name, move the record to trash. The caller holds the lock. */
int container_remove(struct store *s, struct container *c, struct error *err) _nodiscard_;
