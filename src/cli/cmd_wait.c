/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "superctl.h"

static const struct opt options[] = {
	{ NULL },
};

/* The supervisor tells, also when the record of a --rm container goes away right after. */
static int ask_supervisor(int sock, int *ret_status)
{
	struct superctl_head head;

	for (;;) {
		ssize_t n = fd_recv(sock, &head, sizeof(head), NULL, NULL, 0);

		if (n < (ssize_t)sizeof(head))
			return -ENOENT;
		if (head.type != SUPERCTL_EXIT)
			continue;
		*ret_status = (int)(head.value & 0xff);
		return 0;
	}
}

static int wait_running(struct cli *cli, struct container *c, int *ret_status, struct error *err)
{
	_cleanup_(fd_closep) int sock = attach_connect(cli->store, c, ATTACH_WAIT, NULL);
	struct container_state st;
	int r = -ENOENT, left;

	if (sock >= 0)
		r = ask_supervisor(sock, ret_status);
	if (r == 0)
		return ctrcmd_wait_free(cli, c, NULL, err);
	r = ctrcmd_wait_free(cli, c, &left, err);
	if (r < 0)
		return r;
	if (left >= 0) {
		*ret_status = left;
		return 0;
	}
	r = container_read_state(c->dirfd, &st);
	if (r < 0 || st.status != CONTAINER_EXITED) {
		error_set(err, -ENOENT, "container %s ended and left no exit status", c->name);
		return -ENOENT;
	}
	*ret_status = st.exit_code;
	return 0;
}

static int wait_one(struct cli *cli, const char *name, void *data, struct error *err)
{
	struct container c;
	int r, status;

	(void)data;
	r = ctrcmd_find(cli, name, &c, err);
	if (r < 0)
		return r;
	status = c.state.exit_code;
	if (c.state.status == CONTAINER_RUNNING)
		r = wait_running(cli, &c, &status, err);
	if (r == 0)
		printf("%d\n", status);
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &(struct cli_args){ .min = 1, .max = -1 }, NULL, &args, NULL,
		      err);
	if (r != 0)
		return r < 0 ? r : 0;
	return ctrcmd_each(cli, args, wait_one, 0, NULL, err);
}

const struct command cmd_wait = {
	.name = "wait",
	.group = GROUP_CONTAINER,
	.summary = "wait for containers to end and print their exit statuses",
	.usage = "CONTAINER...",
	.options = options,
	.run = run,
};
