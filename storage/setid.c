/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/setid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "storage/tar.h"

/* A container makes as many and as deep as it likes. */
enum {
	DEPTH_MAX = 64,
	ENTRIES_MAX = 500 * 1000,
};

struct walk {
	struct setid *found;
	size_t entries;
	unsigned depth;
	char path[TAR_PATH_MAX]; /* "/usr/bin", "" at the top */
};

static void add(struct walk *w)
{
	struct setid *f = w->found;
	size_t have = strlen(f->paths);

	f->n++;
	if (f->n <= SETID_NAMED_MAX && have + strlen(w->path) + 3 < sizeof(f->paths))
		ignore_result(str_print(f->paths + have, sizeof(f->paths) - have, "%s%s", /* fits */
					have ? ", " : "", w->path));
}

static void walk(struct walk *w, int dirfd);

static void look(struct walk *w, int dirfd, const char *name)
{
	struct stat st;
	int fd;

	/* What is closed to us, or has just gone, is passed over. */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(st.st_mode) && (st.st_mode & (S_ISUID | S_ISGID)))
		add(w);
	if (!S_ISDIR(st.st_mode))
		return;
	if (w->depth == DEPTH_MAX) {
		w->found->more = true;
		return;
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		w->found->more = true;
		return;
	}
	w->depth++;
	walk(w, fd);
	w->depth--;
}

/* The descriptor is taken. */
static void walk(struct walk *w, int dirfd)
{
	DIR *d = fdopendir(dirfd);
	size_t len = strlen(w->path);
	struct dirent *e;

	if (!d) {
		fd_close(dirfd);
		return;
	}
	while ((e = readdir(d))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (++w->entries > ENTRIES_MAX ||
		    str_print(w->path + len, sizeof(w->path) - len, "/%s", e->d_name) < 0)
			w->found->more = true;
		else
			look(w, dirfd, e->d_name);
		w->path[len] = '\0';
	}
	(void)closedir(d);
}

int setid_find(int ctr_dirfd, struct setid *ret, struct error *err)
{
	struct setid found = { 0 };
	struct walk w = { .found = &found };
	int fd = openat(ctr_dirfd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, "open the files of the container");
	walk(&w, fd);
	*ret = found;
	return 0;
}
