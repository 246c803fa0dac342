/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/cli.h"
#include "storage/sweep.h"

static void sweep(struct store *s)
{
	struct error err = { 0 };

	/* What cannot be swept now stays for the next command; it is no reason to fail this one. */
	if (store_sweep(s, &err) < 0)
		log_debug("sweep", "%s", err.text);
}

int cli_store(struct cli *cli, enum store_flags flags, struct store **ret, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	*ret = cli->store;
	if (cli->store)
		return 0;
	if (cli->root && !*cli->root) {
		error_set(err, -EINVAL, "--root is empty");
		error_hint(err, "name a directory, or leave the option out");
		return -EINVAL;
	}
	path = dirs_store(cli->root, err);
	if (!path)
		return -EINVAL; /* not -ENOENT: that is a store that was never made */
	r = store_open(path, flags, &cli->store, err);
	if (r < 0) {
		cli_hint_access(err);
		return r;
	}
	log_debug("store", "%s", path);
	if (flags & STORE_CREATE)
		sweep(cli->store);
	*ret = cli->store;
	return 0;
}

void cli_done(struct cli *cli)
{
	if (cli->store)
		store_close(cli->store);
	cli->store = NULL;
	authfiles_close(&cli->auth);
}
