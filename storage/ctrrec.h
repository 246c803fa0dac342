/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "base/mem.h"
#include "storage/store.h"

/* The inside of container records, for the sweep and the collector. */
#define CTRREC_SWEEP_LOCK "sweep.lock"

/* "<id>.lock" in the runtime directory. */
char *ctrrec_lock_name(const char *id, char buf[ID_LEN + 8]);
/* "<id>.sock" beside it: the attach socket of the supervisor. */
char *ctrrec_socket_name(const char *id, char buf[ID_LEN + 8]);

/* The id behind names/<name>. */
int ctrrec_read_name(struct store *s, const char *name, char id[ID_LEN + 1]) _nodiscard_;
/* Unlink names/<name> if it leads to this id. */
void ctrrec_drop_name_of(struct store *s, const char *name, const char *id);
/*
 * Unlink a name whose container is nowhere: neither in the making (staging/, asked first, because
 * records move from there) nor made. 0: gone. -EBUSY: it has a holder.
 */
int ctrrec_drop_stale_name(struct store *s, const char *name) _nodiscard_;
/* The same for every name. */
int ctrrec_drop_stale_names(struct store *s, struct error *err) _nodiscard_;
