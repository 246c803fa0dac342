/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/inspect.h"

#include <errno.h>
#include <stdio.h>

#include "cli/ctrcmd.h"
#include "cli/output.h"

enum {
	ONE_MAX = 32 << 20,
	ALL_MAX = 64 << 20,
};

struct inspect {
	inspect_fn fn;
	struct str_buf text;
	size_t n;
};

static int add_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	struct inspect *x = data;
	struct str_buf one;
	int r;

	str_buf_init(&one, ONE_MAX);
	r = x->fn(cli, name, &one, err);
	if (r == 0 && str_buf_end(&one) < 0)
		r = error_set(err, -EFBIG, "what is known about %s is too long to print", name);
	if (r == 0) {
		str_buf_adds(&x->text, x->n++ ? "," : "");
		str_buf_add(&x->text, one.s, one.len);
	}
	str_buf_done(&one);
	return r;
}

int inspect_print(struct cli *cli, char **names, inspect_fn fn, struct error *err)
{
	struct inspect x = { .fn = fn };
	int r, end;

	str_buf_init(&x.text, ALL_MAX);
	str_buf_addc(&x.text, '[');
	r = ctrcmd_each(cli, names, add_one, 0, &x, err);
	str_buf_addc(&x.text, ']');
	end = str_buf_end(&x.text);
	if (end == 0)
		output_json_indented(x.text.s, stdout);
	str_buf_done(&x.text);
	return r == 0 && end < 0 ? error_code(err, end, "inspect") : r;
}

int inspect_run(struct cli *cli, int argc, char **argv, inspect_fn fn, struct error *err)
{
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, NULL, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	return inspect_print(cli, args, fn, err);
}
