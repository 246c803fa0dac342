/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/hidden.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/mnt.h"
#include "runtime/views.h"

/* The path of an open descriptor in this mount namespace. */
static int canonical(int fd, char buf[PATH_MAX])
{
	ssize_t n = readlink(path_of_fd(fd).s, buf, PATH_MAX - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

static bool is_below(const char *path, const char *dir, const char **ret_rest)
{
	size_t n = strlen(dir);

	while (n && dir[n - 1] == '/')
		n--;
	if (strncmp(path, dir, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return false;
	*ret_rest = path + n + strspn(path + n, "/");
	return true;
}

/* Is `from` in it, or is it seen below `from`? Then it will be covered. */
static int check_view(const char *view, const char *from, const char *name, struct plan_volume *v,
		      unsigned *n, struct error *err)
{
	const char *rest;

	if (is_below(from, view, &rest)) {
		error_set(err, -EPERM, "%s lies in carrel's own directory %s", name, view);
		error_hint(err, "a container that can write there controls every other one; keep "
				"the files elsewhere");
		return -EPERM;
	}
	if (!v->is_dir || !is_below(view, from, &rest))
		return 0;
	if (*n == PLAN_HIDDEN_MAX)
		return error_set(err, -E2BIG,
				 "carrel's own directories are mounted more than %d times below %s",
				 PLAN_HIDDEN_MAX, name);
	v->hidden[(*n)++] = xstrdup(rest);
	return 0;
}

/* Where the store or the runtime directory would be seen through this bind. */
int hidden_find(const struct strv *views, int source, const char *name, struct plan_volume *v,
		struct error *err)
{
	char from[PATH_MAX];
	unsigned n = 0;
	int r = 0;

	if (canonical(source, from) < 0)
		return error_sys(err, "read the path of %s", name);
	for (size_t i = 0; i < views->n && r == 0; i++)
		r = check_view(views->v[i], from, name, v, &n, err);
	return r;
}

/* Every path that leads to what containers must not see, by whatever mount. */
int hidden_list(const struct ctr_spec *spec, struct strv *ret, struct error *err)
{
	char hidden[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(spec->hidden_paths) && r == 0; i++) {
		_cleanup_(fd_closep) int fd = -1;

		if (!spec->hidden_paths[i])
			continue;
		fd = open(spec->hidden_paths[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && canonical(fd, hidden) == 0) /* not there: nothing to see */
			r = views_find(hidden, ret, err);
	}
	return r;
}

/* An empty read-only directory over each hidden path that this bind shows. */
int hidden_cover(const struct plan_volume *v, int tree, struct error *err)
{
	static const struct mnt_option options[] = { { "mode", "555" },
						     { "size", "4k" },
						     { NULL } };

	for (unsigned i = 0; i < PLAN_HIDDEN_MAX && v->hidden[i]; i++) {
		_cleanup_(fd_closep) int at = -1, empty = -1;
		int r;

		at = path_open_beneath(tree, v->hidden[i], O_PATH | O_DIRECTORY, 0);
		if (at == -ENOENT)
			continue;
		if (at < 0)
			return error_code(err, at, "open %s below %s", v->hidden[i], v->target);
		empty = mnt_new("tmpfs", options,
				MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					MOUNT_ATTR_NOEXEC);
		r = empty < 0 ? empty : mnt_attach(empty, at);
		if (r < 0)
			return error_code(err, r, "hide %s below %s", v->hidden[i], v->target);
	}
	return 0;
}
