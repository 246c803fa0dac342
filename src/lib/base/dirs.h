/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

/*
 * Where things lie. Paths are owned by the caller. Environment is read with secure_getenv(3).
 *	store:   --root, CARREL_ROOT, $XDG_DATA_HOME/carrel, ~/.local/share/carrel
 *	runtime: $XDG_RUNTIME_DIR/carrel, else /tmp/carrel-UID: node-local, mode 0700, owner
 *	         checked; a directory of somebody else's is refused, never used
 * Called by root carrel acts as the first id of root's subuid range (doc/SECURITY-MODEL.md):
 * /var/lib/carrel and /run/carrel then belong to that id.
 */
char *dirs_store(const char *option_root, struct error *err) _nodiscard_;
/* Home directory: $HOME if absolute, else passwd, else NULL with err set. */
char *dirs_home(struct error *err) _nodiscard_;
/* /tmp/carrel-UID, whether it is in use or not. */
char *dirs_tmp_runtime(void) _nodiscard_;
/* Before a user namespace is entered, in which the caller has another id: it stays that path for
 * this process and those that it starts. */
void dirs_keep_tmp_runtime(void);
/* O_PATH descriptor of the runtime directory, made when absent; *ret_path may be NULL. */
int dirs_open_runtime(char **ret_path, struct error *err) _nodiscard_;
