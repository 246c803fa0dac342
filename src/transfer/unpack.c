/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/proc.h"
#include "codec/sha256.h"
#include "transfer/bomb.h"
#include "transfer/confine.h"
#include "transfer/content.h"

_Static_assert(sizeof(struct unpack_result) <= PIPE_BUF, "a result is one atomic write");

/*
 * What storage/untar.c and the files below it call is tagged there: names beneath one root, no
 * descriptor from outside, no process, no network, no namespace. Here: memory, the result, the end.
 * #syscalls:unpack read write close openat openat2 fcntl mmap munmap mremap mprotect madvise brk
 * #syscalls:unpack getrandom clock_gettime getpid gettid tgkill rt_sigprocmask rt_sigaction
 * #syscalls:unpack rt_sigreturn restart_syscall exit exit_group umask
 */

struct unpack {
	struct ring *ring;
	struct sha256 sha;
	uint8_t *block; /* private copy: what is hashed is what is unpacked */
	uint64_t size;	/* compressed */
	struct bomb_share share;
};

/* The fetcher looks at the same by what it has received; it may be hostile. */
static int admit(void *ctx, uint64_t bytes, struct error *err)
{
	struct unpack *u = ctx;

	return bomb_check(&u->share, u->size, bytes, err);
}

static int next_piece(void *ctx, const unsigned char **ret, size_t *ret_len)
{
	struct unpack *u = ctx;
	int r;

	r = ring_take(u->ring, u->block, ret_len);
	if (r < 0 || *ret_len == 0)
		return r;
	r = sha256_add(&u->sha, u->block, *ret_len);
	if (r < 0)
		return r;
	*ret = u->block;
	return 1;
}

static int unpack(const struct unpack_start *start, int root, const char *boot,
		  struct unpack_result *ret)
{
	struct unpack u = {
		.ring = start->ring,
		.block = xmalloc(RING_BLOCK),
		.size = start->size,
		.share = { .taken = start->taken },
	};
	struct sha256 content;
	struct hash hash;
	_cleanup_(compress_freep) struct compress *compress = NULL;
	struct squeeze squeeze;
	struct owners owners = idmap_owners(start->map);
	struct untar_request req = {
		.dirfd = root,
		.source = next_piece,
		.admit = admit,
		.ctx = &u,
		.id_count = idmap_count(start->map),
		.owners = &owners,
		.boot = boot,
		.hash = &hash,
	};
	uint8_t bytes[32];
	int r;

	r = sha256_init(&u.sha);
	if (r == 0)
		r = content_hash(&content, &hash);
	if (r < 0)
		return error_code(&ret->err, r, "set up the digest");
	r = compress_new(&compress);
	if (r == 0) {
		content_squeeze(compress, &squeeze);
		req.squeeze = &squeeze;
	} else if (r != -EOPNOTSUPP) {
		return error_code(&ret->err, r, "set up zstd");
	}
	r = untar_run(&req, &ret->stats, &ret->err);
	if (r < 0)
		return r;
	r = sha256_end(&u.sha, bytes);
	if (r < 0)
		return error_code(&ret->err, r, "hash the layer");
	digest_from_bytes(bytes, &ret->diff_id);
	return 0;
}

static int confine(const struct unpack_start *start, struct error *err)
{
	_cleanup_(fd_closep) int dir = -1;

	dir = open(start->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_sys(err, "open %s", start->dir);
	return confine_unpacker(dir, err);
}

int unpack_main(void *data)
{
	const struct unpack_start *start = data;
	struct unpack_result res = { 0 };
	char boot[ID_BOOT_LEN + 1] = "";
	int keep[] = { start->result_fd }, root;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != start->parent)
		return 1;
	/* The terminal's signals are the coordinator's business: it ends us. */
	(void)setpgid(0, 0); /* cannot fail for a fresh child */
	proc_hear_write_errors();
	if (proc_close_fds(keep, ARRAY_SIZE(keep)) < 0)
		return 1;
	umask(0);
	if (id_boot(boot) < 0) /* there is no /proc once confined */
		boot[0] = '\0';
	root = confine(start, &res.err);
	res.result = root < 0 ? root : unpack(start, root, boot, &res);
	return fd_write_all(start->result_fd, &res, sizeof(res)) < 0 || res.result < 0;
}
