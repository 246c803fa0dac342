/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "storage/store.h"
#include "tempdir.h"

/* A fresh store in a directory of the test's own, with a runtime directory beside it. */
struct teststore {
	struct tempdir dir;
	char path[300];
	struct store *s;
	struct error err;
};

static inline int teststore_open(struct teststore *t)
{
	char runtime[300];

	t->err = (struct error){ 0 };
	t->s = NULL;
	if (tempdir_make(&t->dir) < 0)
		return -1;
	(void)snprintf(runtime, sizeof(runtime), "%s/run", t->dir.path);
	(void)snprintf(t->path, sizeof(t->path), "%s/store", t->dir.path);
	if (mkdir(runtime, 0700) < 0 || setenv("XDG_RUNTIME_DIR", runtime, 1) < 0)
		return -1;
	return store_open(t->path, STORE_CREATE, &t->s, &t->err);
}

static inline void teststore_close(struct teststore *t)
{
	store_close(t->s);
	tempdir_remove(&t->dir);
}
