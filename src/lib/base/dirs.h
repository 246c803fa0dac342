/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * Where things lie. Paths are owned by the caller. Environment is read with secure_getenv(3).
 *	store:   --root, CARREL_ROOT, $XDG_DATA_HOME/carrel, ~/.local/share/carrel
 *	runtime: $XDG_RUNTIME_DIR/carrel, else /tmp/carrel-UID: node-local, mode 0700, owner
 *	         checked; a directory of somebody else's is refused, never used. Nor is the former
 *	         where others may write beside it and there is no sticky bit: they could move it
 * Called by root carrel acts as the first id of root's subuid range (doc/SECURITY-MODEL.md):
 * /var/lib/carrel and /run/carrel then belong to that id.
 */
char *dirs_store(const char *option_root, struct error *err) _nodiscard_;
/* Home directory: $HOME if absolute, else passwd, else NULL with err set. */
char *dirs_home(struct error *err) _nodiscard_;
/* Before a user namespace is entered, in which the caller has another id: /tmp/carrel-UID stays
 * the same path for this process and those that it starts. */
void dirs_keep_caller(void);
/* O_PATH descriptor of the runtime directory, made when absent; *ret_path may be NULL. */
int dirs_open_runtime(char **ret_path, struct error *err) _nodiscard_;
/*
 * Where other commands of this user have theirs, as far as one can know: those without --root, or
 * without the one or other variable. Whether anything is there or not. $CARREL_ROOT is a function
 * of its own, since nothing of root's lies in a home (rootcaller_dirs()).
 */
void dirs_env_store(struct strv *ret);
void dirs_home_stores(struct strv *ret);
void dirs_runtimes(struct strv *ret);
