/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/account.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/str.h"

enum {
	PASSWD_MAX = 16 << 20,
	ENTRY_MAX = 64 << 10,
	FIELDS = 7,
};

/* Splits at colons; how many fields there are. */
static unsigned split(char *line, char *field[FIELDS])
{
	unsigned n = 0;

	field[n++] = line;
	for (char *p = line; *p && n < FIELDS; p++)
		if (*p == ':') {
			*p = '\0';
			field[n++] = p + 1;
		}
	return n;
}

/* The third field, without a copy of the line: most lines are others'. */
static bool has_id(const char *line, size_t len, uint32_t id)
{
	const char *end = line + len, *p = line;
	char number[12];
	uint32_t v;
	size_t n;

	for (int i = 0; i < 2; i++) {
		p = memchr(p, ':', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	for (n = 0; p + n < end && p[n] != ':' && n + 1 < sizeof(number); n++)
		number[n] = p[n];
	number[n] = '\0';
	return num_u32(number, &v) == 0 && v == id;
}

/* The line of this id, split, in memory that is the caller's. NULL: there is none. */
static char *find(const char *text, uint32_t id, unsigned fields_min, char *field[FIELDS])
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len < ENTRY_MAX && *text != '#' && has_id(text, len, id)) {
			char *line = xstrndup(text, len);

			if (split(line, field) >= fields_min)
				return line;
			free(line);
		}
		text += len + (text[len] == '\n');
	}
	return NULL;
}

/* "name:password:uid:gid:gecos:home:shell"; shell may be missing. */
int account_parse(const char *text, uid_t uid, struct account *ret)
{
	char *field[FIELDS];
	_cleanup_(freep) char *line = find(text, uid, FIELDS - 1, field);

	if (!line)
		return -ENOENT;
	*ret = (struct account){ .name = xstrdup(field[0]), .home = xstrdup(field[5]) };
	return 0;
}

/* "name:password:gid:members" */
int account_parse_group(const char *text, gid_t gid, char **ret_name)
{
	char *field[FIELDS];
	_cleanup_(freep) char *line = find(text, gid, 3, field);

	if (!line)
		return -ENOENT;
	*ret_name = xstrdup(field[0]);
	return 0;
}

static int spawn_getent(const char *database, uint32_t id, int out, struct proc *ret)
{
	_cleanup_(fd_closep) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char number[12];
	char *argv[] = { (char *)"getent", (char *)database, number, NULL };
	const struct proc_fd fds[] = { { null_fd, 0 }, { out, 1 }, { null_fd, 2 } };
	const struct proc_spec spec = {
		.dirfd = AT_FDCWD,
		.path = "/usr/bin/getent",
		.argv = argv,
		.fds = fds,
		.n_fds = ARRAY_SIZE(fds),
		.flags = PROC_CLEAR_ENV | PROC_PDEATHSIG,
	};

	if (null_fd < 0)
		return -errno;
	(void)snprintf(number, sizeof(number), "%u", id);
	return proc_spawn(&spec, ret, NULL);
}

static int ask_getent(const char *database, uint32_t id, char **ret)
{
	struct proc p = { .pidfd = -1 };
	int out[2], r;

	r = fd_pipe(out);
	if (r < 0)
		return r;
	r = spawn_getent(database, id, out[1], &p);
	fd_close(out[1]);
	if (r == 0)
		r = fd_read_to_end(out[0], ENTRY_MAX, ret, NULL);
	fd_close(out[0]);
	proc_kill(&p); /* it has said all, or nothing that we take */
	return r;
}

int account_get(uid_t uid, struct account *ret)
{
	_cleanup_(freep) char *file = NULL, *said = NULL;

	*ret = (struct account){ 0 };
	if (path_load(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &file, NULL) == 0 &&
	    account_parse(file, uid, ret) == 0)
		return 0;
	if (ask_getent("passwd", uid, &said) == 0 && account_parse(said, uid, ret) == 0)
		return 0;
	return -ENOENT;
}

int account_group(gid_t gid, char **ret_name)
{
	_cleanup_(freep) char *file = NULL, *said = NULL;

	if (path_load(AT_FDCWD, "/etc/group", PASSWD_MAX, &file, NULL) == 0 &&
	    account_parse_group(file, gid, ret_name) == 0)
		return 0;
	if (ask_getent("group", gid, &said) == 0 && account_parse_group(said, gid, ret_name) == 0)
		return 0;
	return -ENOENT;
}

void account_done(struct account *a)
{
	free(TAKE_PTR(a->name));
	free(TAKE_PTR(a->home));
}
