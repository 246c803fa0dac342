/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/ctrrec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "storage/staging.h"

char *ctrrec_lock_name(const char *id, char buf[ID_LEN + 8])
{
	(void)snprintf(buf, ID_LEN + 8, "%.64s.lock", id);
	return buf;
}

char *ctrrec_socket_name(const char *id, char buf[ID_LEN + 8])
{
	(void)snprintf(buf, ID_LEN + 8, "%.64s.sock", id);
	return buf;
}

int ctrrec_read_name(struct store *s, const char *name, char id[ID_LEN + 1])
{
	char path[6 + 255 + 1], target[ID_LEN + 2];
	ssize_t n;
	int r;

	r = str_print(path, sizeof(path), "names/%s", name);
	if (r < 0)
		return r;
	n = readlinkat(s->root_fd, path, target, sizeof(target));
	if (n < 0)
		return -errno;
	if (n != ID_LEN)
		return -EINVAL;
	target[n] = '\0';
	if (strspn(target, "0123456789abcdef") != ID_LEN)
		return -EINVAL;
	memcpy(id, target, ID_LEN + 1);
	return 0;
}

static void unlink_name(struct store *s, const char *name)
{
	char path[6 + 255 + 1];

	if (str_print(path, sizeof(path), "names/%s", name) == 0)
		(void)unlinkat(s->root_fd, path, 0);
}

void ctrrec_drop_name_of(struct store *s, const char *name, const char *id)
{
	char have[ID_LEN + 1];

	if (ctrrec_read_name(s, name, have) == 0 && str_eq(have, id))
		unlink_name(s, name);
}

/* 1: a container of this id is being made, by whatever node. */
static int is_staged(struct store *s, const char *id)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = store_names(s->root_fd, "staging", &names);
	const char *staged;

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (staging_is_container(names.v[i], &staged) && str_eq(staged, id))
			return 1;
	return r;
}

int ctrrec_drop_stale_name(struct store *s, const char *name)
{
	char id[ID_LEN + 1], path[11 + ID_LEN + 1];
	int r;

	r = ctrrec_read_name(s, name, id);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r; /* not a link of ours: it stays */
	r = is_staged(s, id);
	if (r != 0)
		return r < 0 ? r : -EBUSY;
	(void)snprintf(path, sizeof(path), "containers/%s", id);
	if (faccessat(s->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EBUSY;
	ctrrec_drop_name_of(s, name, id);
	return 0;
}

int ctrrec_drop_stale_names(struct store *s, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = store_names(s->root_fd, "names", &names);

	if (r < 0)
		return store_error(err, r, "read %s/names", s->path);
	for (size_t i = 0; i < names.n; i++)
		ignore_result(ctrrec_drop_stale_name(s, names.v[i])); /* has a holder */
	return 0;
}
