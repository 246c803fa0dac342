/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "cli/cli.h"

/* One JSON object with what is known about it, appended to `out`. -ENOENT: there is none. */
typedef int (*inspect_fn)(struct cli *cli, const char *name, struct str_buf *out,
			  struct error *err);
int inspect_container(struct cli *cli, const char *name, struct str_buf *out,
		      struct error *err) _nodiscard_;
int inspect_image(struct cli *cli, const char *name, struct str_buf *out,
		  struct error *err) _nodiscard_;

/* Print an array of those that `fn` finds, indented as docker does it; the others are told. */
int inspect_print(struct cli *cli, char **names, inspect_fn fn, struct error *err) _nodiscard_;
/* The same as the whole of a command without options of its own. */
int inspect_run(struct cli *cli, int argc, char **argv, inspect_fn fn,
		struct error *err) _nodiscard_;
