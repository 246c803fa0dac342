/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over its corpus, as a normal test: tests/fuzz/fuzz_X without arguments reads
 * $srcdir/tests/fuzz/corpus/X, else the files and directories named.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "fuzz.h"

enum {
	INPUT_MAX = 16 << 20,
};

static int run_file(int dirfd, const char *name)
{
	_cleanup_(fd_closep) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *data = NULL;
	size_t n;

	if (fd < 0 || fd_read_to_end(fd, INPUT_MAX, &data, &n) < 0) {
		(void)fprintf(stderr, "cannot read %s\n", name);
		return -1;
	}
	return LLVMFuzzerTestOneInput((const uint8_t *)data, n);
}

/* How many inputs, or -1. */
static int run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	int n = 0, r = 0;

	if (!dir && errno == ENOTDIR)
		return run_file(AT_FDCWD, path) < 0 ? -1 : 1;
	if (!dir) {
		(void)fprintf(stderr, "cannot open %s\n", path);
		return -1;
	}
	while (r == 0 && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		r = run_file(dirfd(dir), d->d_name);
		n++;
	}
	(void)closedir(dir); /* only read */
	return r < 0 ? -1 : n;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strrchr(argv[0], '/');
	_cleanup_(freep) char *corpus = NULL;
	int n = 0;

	name = name ? name + 1 : argv[0];
	name = str_starts(name, "fuzz_") ? name + 5 : name;
	corpus = xasprintf("%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	if (argc < 2)
		n = run_path(corpus);
	for (int i = 1; i < argc && n >= 0; i++)
		n = run_path(argv[i]);
	/* An empty corpus proves nothing. */
	return n > 0 ? 0 : 1;
}
