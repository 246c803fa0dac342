/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "storage/store.h"

/* refs/: what a name means. Who writes or removes holds the store lock. */
struct ref {
	char name[REFERENCE_STR_MAX]; /* full, "docker.io/library/debian:12" */
	struct digest manifest;
	struct digest
		asked; /* what the registry gave for the name: index or manifest; unset: a tag */
};

/* The key of a reference: with a digest the tag does not count, as in docker. */
char *ref_name(const struct reference *r, char buf[REFERENCE_STR_MAX]);

/* -ENOENT: no such name. err is set for other failures only. */
int ref_read(struct store *s, const char *name, struct ref *ret, struct error *err) _nodiscard_;
/* Durable. */
int ref_write(struct store *s, const struct ref *ref, struct error *err) _nodiscard_;
int ref_remove(struct store *s, const char *name, struct error *err) _nodiscard_;
/* All of them, in no order. Unreadable ones are skipped with a warning. */
int ref_list(struct store *s, struct ref **ret, size_t *ret_n, struct error *err) _nodiscard_;
/* Unlink what killed writers left. */
int ref_drop_temporary(struct store *s, struct error *err) _nodiscard_;

/* Pure. -EINVAL, -EPROTONOSUPPORT. */
int ref_parse(const char *text, size_t len, struct ref *ret) _nodiscard_;
