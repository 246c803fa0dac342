/* SPDX-License-Identifier: Apache-2.0 */
/*
 * untar_tool DIR [IDS] < layer.tar: unpack one plain layer into DIR/tree and DIR/meta, then check
 * the tree against its record. For measurements and for looking at odd archives by hand.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "storage/sidecar.h"
#include "storage/untar.h"

enum {
	PIECE = 256 << 10,
};

struct input {
	int fd;
	unsigned char *buf;
};

static int next_piece(void *ctx, const unsigned char **ret, size_t *ret_len)
{
	struct input *in = ctx;
	ssize_t n = read(in->fd, in->buf, PIECE);

	if (n < 0)
		return -errno;
	*ret = in->buf;
	*ret_len = (size_t)n;
	return n > 0;
}

static int unpack(int dirfd, uint32_t ids, struct error *err)
{
	_cleanup_(freep) unsigned char *buf = xmalloc(PIECE);
	_cleanup_(sidecar_closep) struct sidecar *s = NULL;
	_cleanup_(fd_closep) int tree = -1;
	struct input in = { .fd = STDIN_FILENO, .buf = buf };
	struct untar_request req = {
		.dirfd = dirfd, .source = next_piece, .ctx = &in, .id_count = ids
	};
	struct untar_stats stats;
	int r;

	r = untar_run(&req, &stats, err);
	if (r < 0)
		return r;
	printf("entries %llu files %llu dirs %llu links %llu symlinks %llu devices %llu "
	       "whiteouts %llu opaques %llu bytes %llu squashed %llu skipped_xattrs %llu\n",
	       (unsigned long long)stats.entries, (unsigned long long)stats.files,
	       (unsigned long long)stats.dirs, (unsigned long long)stats.links,
	       (unsigned long long)stats.symlinks, (unsigned long long)stats.devices,
	       (unsigned long long)stats.whiteouts, (unsigned long long)stats.opaques,
	       (unsigned long long)stats.bytes, (unsigned long long)stats.squashed,
	       (unsigned long long)stats.skipped_xattrs);
	r = sidecar_open(dirfd, &s, err);
	if (r < 0)
		return r;
	tree = openat(dirfd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0)
		return error_sys(err, "open directory tree");
	return sidecar_verify_tree(s, tree, NULL, err);
}

int main(int argc, char **argv)
{
	_cleanup_(fd_closep) int dirfd = -1;
	struct error err = { 0 };
	uint32_t ids = 65536;

	if (argc < 2 || (argc > 2 && num_u32(argv[2], &ids) < 0)) {
		(void)fprintf(stderr, "usage: untar_tool DIR [IDS] < layer.tar\n");
		return EXIT_OURS;
	}
	if (mkdir(argv[1], 0700) < 0 && errno != EEXIST)
		error_sys(&err, "make %s", argv[1]);
	dirfd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		error_sys(&err, "open %s", argv[1]);
	if (dirfd < 0 || unpack(dirfd, ids, &err) < 0) {
		error_print(&err, stderr);
		return error_exit_status(&err);
	}
	return 0;
}
