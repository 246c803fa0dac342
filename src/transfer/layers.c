/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "storage/layer.h"
#include "transfer/pull.h"
#include "transfer/verify.h"

static int fail(struct pull_layer *l, int r, struct error *err)
{
	error_prefix(err, "layer sha256:%.12s", l->desc->digest.hex);
	return r;
}

/* Verified: give it its digests and its place. */
static int publish(struct pull *p, struct pull_layer *l, struct error *err)
{
	_cleanup_(fd_closep) int dir = -1;
	int r;

	dir = openat(p->staging_fd, l->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_sys(err, "open staging directory %s", l->name);
	r = untar_seal(dir, l->diff_id, &l->desc->digest, l->desc->size, err);
	if (r < 0)
		return r;
	r = layer_publish(p->store, p->staging_fd, l->name, l->diff_id, err);
	if (r < 0)
		return r;
	p->progress.rows[l->number].received = l->desc->size;
	progress_set(&p->progress, l->number, PROGRESS_DONE);
	p->n_published++;
	return 0;
}

static int start_layers(struct pull *p, struct error *err);

/* Both halves are through with it: the slot is free for the next. */
static int finish(struct pull *p, struct pull_layer *l, struct error *err)
{
	if (!l->fetched || !l->unpacked)
		return 0;
	p->slots[l->slot] = NULL;
	return start_layers(p, err);
}

static int check_result(struct pull_layer *l, struct unpack_result *res, struct error *err)
{
	if (res->result < 0) {
		*err = res->err;
		err->text[sizeof(err->text) - 1] = '\0';
		err->hint[sizeof(err->hint) - 1] = '\0';
		if (!err->code)
			error_set(err, -EIO, "its unpacker failed");
		if (err->code == -ENOSPC || err->code == -EDQUOT)
			error_host(err, DCODE_STORE_WRITE);
		return err->code;
	}
	res->diff_id.hex[DIGEST_HEX_LEN] = '\0';
	if (!digest_equal(&res->diff_id, l->diff_id)) {
		error_set(err, -EBADMSG, "its content does not match its diff-id in the config");
		error_hint(err, "the image is damaged or was tampered with: nothing of it is kept");
		return -EBADMSG;
	}
	return 0;
}

static int on_result(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct pull_layer *l = source->data;
	struct pull *p = l->pull;
	struct unpack_result res;
	int r, status = 0, q;

	(void)events; /* readable or closed: the read tells */
	r = fd_read_full(source->fd, &res, sizeof(res));
	loop_remove(loop, source);
	fd_close(source->fd);
	source->fd = -1;
	q = proc_wait(&l->unpacker, &status);
	proc_done(&l->unpacker);
	if (r < 0 || q < 0)
		return fail(l,
			    error_set(&p->err, -EIO, "its unpacker ended with status %d", status),
			    &p->err);
	r = check_result(l, &res, &p->err);
	if (r == 0)
		r = publish(p, l, &p->err);
	if (r < 0)
		return fail(l, r, &p->err);
	p->squashed += res.stats.squashed;
	p->setid_less += res.stats.setid_less;
	l->unpacked = true;
	return finish(p, l, &p->err);
}

static int start_unpacker(struct pull *p, struct pull_layer *l, struct error *err)
{
	_cleanup_(freep) char *dir = NULL;
	struct unpack_start start;
	int fds[2], r;

	dir = xasprintf("%s/staging/%s/%s", p->store->path, p->staging_name, l->name);
	r = fd_pipe(fds);
	if (r < 0)
		return error_code(err, r, "make a pipe");
	start = (struct unpack_start){
		.ring = &p->wire->slots[l->slot].ring,
		.dir = dir,
		.result_fd = fds[1],
		.size = l->desc->size,
		.taken = p->taken,
		.parent = getpid(),
		.map = &p->map,
	};
	r = proc_clone(CLONE_NEWNS, -1, unpack_main, &start, &l->unpacker);
	fd_close(fds[1]);
	if (r < 0) {
		fd_close(fds[0]);
		return error_code(err, r, "start an unpacker");
	}
	l->result = (struct loop_source){ .fd = fds[0], .handler = on_result, .data = l };
	r = loop_set(&p->loop, &l->result, EPOLLIN);
	return r < 0 ? error_code(err, r, "watch an unpacker") : 0;
}

static int start_layer(struct pull *p, struct pull_layer *l, unsigned slot, struct error *err)
{
	struct wire_ask ask = {
		.op = WIRE_GET_LAYER,
		.slot = slot,
		.digest = l->desc->digest,
		.size = l->desc->size,
	};
	int r;

	p->slots[slot] = l;
	l->slot = slot;
	ring_reset(&p->wire->slots[slot].ring);
	atomic_store(&p->wire->slots[slot].received, 0);
	ignore_result(str_print(l->name, sizeof(l->name), "l%zu", l->number)); /* it fits */
	if (mkdirat(p->staging_fd, l->name, 0700) < 0)
		return error_sys(err, "make staging directory %s", l->name);
	r = start_unpacker(p, l, err);
	if (r == 0)
		r = pull_ask(p, &ask, err);
	if (r == 0)
		progress_set(&p->progress, l->number, PROGRESS_RUNNING);
	return r;
}

static int start_layers(struct pull *p, struct error *err)
{
	for (unsigned s = 0; s < WIRE_SLOTS && p->next_layer < p->n_layers; s++) {
		struct pull_layer *l = &p->layers[p->next_layer];
		int r;

		if (p->slots[s])
			continue;
		p->next_layer++;
		r = start_layer(p, l, s, err);
		if (r < 0)
			return fail(l, r, err);
	}
	return 0;
}

int pull_layer_fetched(struct pull *p, const struct wire_tell *t, struct error *err)
{
	struct pull_layer *l = t->slot < WIRE_SLOTS ? p->slots[t->slot] : NULL;

	if (!l || l->fetched)
		return error_set(err, -EPROTO, "the network process told nonsense");
	if (t->result < 0) {
		*err = t->err; /* it names the layer */
		return t->result;
	}
	l->fetched = true;
	return finish(p, l, err);
}

/* An image may name a layer twice: it is unpacked once. */
static bool is_repeated(const struct pull_image *i, size_t k)
{
	for (size_t j = 0; j < k; j++)
		if (digest_equal(&i->config.diff_ids[j], &i->config.diff_ids[k]))
			return true;
	return false;
}

/* Is it in the store, whole, and does its tree belong to the ids that we have now (else D-19)? */
static int is_there(struct pull *p, const struct digest *d, struct error *err)
{
	struct owners owners = idmap_owners(&p->map);
	int r, q;

	r = layer_check(p->store, d, err);
	if (r <= 0 && r != -EAGAIN)
		return r;
	error_clear(err);
	q = layer_check_owner(p->store, d, &owners, err);
	if (q == -ESTALE) {
		error_clear(err);
		return 0; /* the new tree will take its place */
	}
	if (q < 0)
		return q;
	return r == -EAGAIN ? verify_layer(p->store, d, err) : 1;
}

/* Rows for all distinct layers, jobs for those that the store does not have. */
static int list_layers(struct pull *p, struct error *err)
{
	struct pull_image *i = &p->image;
	size_t rows = 0;

	p->layers = xcalloc(i->manifest.n_layers, sizeof(*p->layers));
	progress_init(&p->progress, p->options->progress, i->manifest.n_layers);
	p->progress.n = 0;
	for (size_t k = 0; k < i->manifest.n_layers; k++) {
		struct progress_row *row = &p->progress.rows[rows];
		int r;

		if (is_repeated(i, k))
			continue;
		row->digest = i->manifest.layers[k].digest;
		row->size = i->manifest.layers[k].size;
		p->progress.n = rows + 1;
		r = is_there(p, &i->config.diff_ids[k], err);
		if (r < 0)
			return r;
		if (r > 0)
			progress_set(&p->progress, rows, PROGRESS_EXISTS);
		else
			p->layers[p->n_layers++] = (struct pull_layer){
				.pull = p,
				.desc = &i->manifest.layers[k],
				.diff_id = &i->config.diff_ids[k],
				.number = rows,
				.unpacker = { .pidfd = -1 },
				.result = { .fd = -1 },
			};
		rows++;
	}
	return 0;
}

/* Not in the wire's mapping, which the fetcher could set to 0. */
static int map_budget(struct pull *p, struct error *err)
{
	void *at = mmap(NULL, sizeof(*p->taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);

	if (at == MAP_FAILED)
		return error_sys(err, "map the budget of the layers");
	p->taken = at;
	return 0;
}

int pull_layers(struct pull *p, struct error *err)
{
	int r;

	r = map_budget(p, err);
	if (r == 0)
		r = layer_claim(p->store, p->image.config.diff_ids, p->image.config.n_diff_ids,
				err);
	if (r == 0)
		r = list_layers(p, err);
	if (r == 0)
		r = start_layers(p, err);
	while (r == 0 && p->n_published < p->n_layers)
		r = pull_wait(p, err);
	progress_draw(&p->progress);
	return r;
}

void pull_layers_abort(struct pull *p)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		proc_kill(&p->layers[i].unpacker);
		fd_close(p->layers[i].result.fd);
	}
	free(p->layers);
	if (p->taken)
		ignore_result(munmap((void *)p->taken, sizeof(*p->taken))); /* ours */
}
