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
#include "base/proc.h"
#include "base/str.h"

enum {
	PASSWD_MAX = 16 << 20,
	ENTRY_MAX = 64 << 10,
	FIELDS = 7,
};

/* "name:password:uid:gid:gecos:home:shell" in a line that is ours; shell may be missing. */
static bool split(char *line, char *field[FIELDS])
{
	unsigned n = 0;

	field[n++] = line;
	for (char *p = line; *p && n < FIELDS; p++)
		if (*p == ':') {
			*p = '\0';
			field[n++] = p + 1;
		}
	return n >= FIELDS - 1;
}

/* The third field, without a copy of the line: most lines are other users'. */
static bool has_uid(const char *line, size_t len, uid_t uid)
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
	return num_u32(number, &v) == 0 && v == uid;
}

int account_parse(const char *text, uid_t uid, struct account *ret)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len < ENTRY_MAX && *text != '#' && has_uid(text, len, uid)) {
			_cleanup_(freep) char *line = xstrndup(text, len);
			char *field[FIELDS];

			if (split(line, field)) {
				*ret = (struct account){ .name = xstrdup(field[0]),
							 .home = xstrdup(field[5]) };
				return 0;
			}
		}
		text += len + (text[len] == '\n');
	}
	return -ENOENT;
}

static int from_file(uid_t uid, struct account *ret)
{
	_cleanup_(fd_closep) int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(freep) char *text = NULL;
	int r;

	if (fd < 0)
		return -errno;
	r = fd_read_to_end(fd, PASSWD_MAX, &text, NULL);
	return r < 0 ? r : account_parse(text, uid, ret);
}

static int spawn_getent(uid_t uid, int out, struct proc *ret)
{
	_cleanup_(fd_closep) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char number[12];
	char *argv[] = { (char *)"getent", (char *)"passwd", number, NULL };
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
	(void)snprintf(number, sizeof(number), "%u", uid);
	return proc_spawn(&spec, ret, NULL);
}

static int from_getent(uid_t uid, struct account *ret)
{
	_cleanup_(freep) char *text = NULL;
	struct proc p = { .pidfd = -1 };
	int out[2], r;

	r = fd_pipe(out);
	if (r < 0)
		return r;
	r = spawn_getent(uid, out[1], &p);
	fd_close(out[1]);
	if (r == 0)
		r = fd_read_to_end(out[0], ENTRY_MAX, &text, NULL);
	fd_close(out[0]);
	proc_kill(&p); /* it has said all, or nothing that we take */
	return r < 0 ? r : account_parse(text, uid, ret);
}

int account_get(uid_t uid, struct account *ret)
{
	int r;

	*ret = (struct account){ 0 };
	r = from_file(uid, ret);
	if (r < 0)
		r = from_getent(uid, ret);
	return r < 0 ? -ENOENT : 0;
}

void account_done(struct account *a)
{
	free(TAKE_PTR(a->name));
	free(TAKE_PTR(a->home));
}
