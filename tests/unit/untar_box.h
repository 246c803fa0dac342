/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/error.h"
#include "storage/sidecar.h"
#include "storage/untar.h"
#include "tarmake.h"

extern char box_top[]; /* the directory of this run */

/* A wrapper directory, and a canary beside it that no archive may reach. */
struct box {
	int top, wrapper, tree;
	uint32_t ids;
	size_t piece;
	struct untar_limits limits;
	const struct hash *hash; /* for content digests */
	const struct squeeze *squeeze;
	struct untar_stats stats;
	struct error err;
	struct tarmake tar;
	size_t pos;
	bool ended; /* the source has said so */
};

/* Fixture: a box as *state; the teardown looks at the canary. */
int box_setup(void **state);
int box_teardown(void **state);
/* An empty wrapper in place of the last one. */
void box_renew(struct box *b);
/* Unpack b->tar as it stands, or with an end mark; what succeeds is compared with its record. */
int box_unpack_raw(struct box *b);
int box_unpack(struct box *b);
/* Look at the tree. */
struct stat box_stat(struct box *b, const char *path);
void box_absent(struct box *b, const char *path);
void box_content(struct box *b, const char *path, const char *want);
bool box_opaque(struct box *b, const char *path);
bool box_whiteout(struct box *b, const char *path);
/* The record of one path; the caller closes *s. */
struct sidecar_entry box_record(struct box *b, struct sidecar **s, const char *path);
void box_put(int dirfd, const char *name, const char *s);
/* As root, in a user namespace of one id when we are not. */
int box_run(const struct CMUnitTest *tests, size_t n);
#define BOX_TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
