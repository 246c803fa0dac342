/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cm.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/layer.h"
#include "storage/sidecar.h"
#include "storage/sweep.h"
#include "teststore.h"

/* Digests of the tests: what they name needs no content that hashes to them. */
static struct digest make_digest(char kind, unsigned n)
{
	struct digest d;

	memset(d.hex, kind, DIGEST_HEX_LEN);
	(void)snprintf(d.hex + DIGEST_HEX_LEN - 8, 9, "%08x", n);
	return d;
}

static struct owners range(uint32_t first, uint32_t n)
{
	return (struct owners){ .uids = { { 0, 0, 1 }, { 1, first, n } },
				.gids = { { 0, 0, 1 }, { 1, first, n } },
				.n_uids = 2,
				.n_gids = 2 };
}

/* A layer with one file, published as a pull does it. */
static int publish_layer(struct store *s, int staging, const struct digest *d, struct error *err)
{
	struct sidecar_entry root = { .path = "", .mode = S_IFDIR | 0755 };
	struct owners owners = range(100000, 1000);
	struct sidecar_header h = { .owner = SIDECAR_OWNER_MAP,
				    .id_count = 1001,
				    .map_uid1 = 100000,
				    .map_gid1 = 100000,
				    .ids_used = 500,
				    .map_digest = owners_digest(&owners, 500) };
	_cleanup_(sidecar_writer_freep) struct sidecar_writer *w = NULL;
	_cleanup_(fd_closep) int fd = -1;
	int r;

	if (mkdirat(staging, d->hex, 0700) < 0)
		return -errno;
	fd = openat(staging, d->hex, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || mkdirat(fd, "tree", 0755) < 0)
		return -errno;
	r = sidecar_writer_new(fd, &w, err);
	if (r == 0)
		r = sidecar_writer_add(w, &root);
	if (r == 0)
		r = sidecar_writer_finish(w, &h, err);
	if (r == 0)
		r = sidecar_seal(fd, d, d, 1, err);
	return r < 0 ? r : layer_publish(s, staging, d->hex, d, err);
}

/* Image n: its own config, manifest and layer, and layer 0 that all share. */
static int publish(struct store *s, unsigned n, const char *name, struct error *err)
{
	struct digest manifest = make_digest('a', n),
		      diff[2] = { make_digest('1', 0), make_digest('1', n) };
	struct manifest m = { .config = { .digest = make_digest('c', n) }, .n_layers = 2 };
	struct imgconfig c = { .platform = { .os = "linux", .arch = "amd64" },
			       .created = (char[]){ "2026-11-24T00:44:15Z" },
			       .diff_ids = diff,
			       .n_diff_ids = 2 };
	char stage[STORE_STAGING_NAME_MAX];
	struct reference ref;
	int fd, lock, r;

	r = store_staging_new(s, stage, &fd, &lock, err);
	if (r < 0)
		return r;
	r = layer_claim(s, diff, 2, err);
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		r = layer_check(s, &diff[i], err);
		if (r == 0)
			r = publish_layer(s, fd, &diff[i], err);
		else if (r == 1)
			r = 0;
	}
	if (r == 0)
		r = store_blob_put(s, &manifest, "{}", 2, err);
	if (r == 0)
		r = store_blob_put(s, &m.config.digest, "{}", 2, err);
	if (r == 0)
		r = reference_parse(name, &ref, err);
	if (r == 0)
		r = image_publish(s, &ref, &manifest, &m, &c, NULL, err);
	fd_close(fd);
	store_staging_end(s, stage, lock);
	return r;
}

static size_t count(struct store *s, const char *dir)
{
	_cleanup_(strv_done) struct strv names = { 0 };

	assert_int_equal(store_names(s->root_fd, dir, &names), 0);
	return names.n;
}

static int find(struct teststore *t, const char *name, unsigned n)
{
	struct digest want = make_digest('a', n);
	struct image i;
	int r = image_find(t->s, name, &i, &t->err);

	if (r == 0) {
		assert_string_equal(i.manifest.hex, want.hex);
		image_done(&i);
	}
	return r;
}

static int rm(struct teststore *t, const char *name, enum image_remove_flags flags)
{
	struct strv names = { 0 }, images = { 0 };
	int r = image_remove(t->s, name, flags, &names, &images, &t->err);

	strv_done(&names);
	strv_done(&images);
	return r;
}

static void test_names(void **state)
{
	struct image i, *list;
	struct reference ref;
	struct teststore t;
	char id[80];
	size_t n;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(publish(t.s, 1, "debian", &t.err), 0);
	assert_int_equal(publish(t.s, 2, "localhost/hello", &t.err), 0);
	assert_int_equal(find(&t, "debian", 1), 0);
	assert_int_equal(find(&t, "docker.io/library/debian:latest", 1), 0);
	assert_int_equal(find(&t, "debian:12", 1), -ENOENT);
	assert_int_equal(find(&t, "hello", 2), 0);
	assert_int_equal(find(&t, "docker.io/hello", 2), -ENOENT);
	(void)snprintf(id, sizeof(id), "debian@sha256:%s", make_digest('a', 1).hex);
	assert_int_equal(find(&t, id, 1), 0);
	(void)snprintf(id, sizeof(id), "hello@sha256:%s", make_digest('a', 1).hex);
	assert_int_equal(find(&t, id, 1), -ENOENT);
	(void)snprintf(id, sizeof(id), "sha256:%s", make_digest('c', 2).hex);
	assert_int_equal(find(&t, id, 2), 0);
	assert_int_equal(find(&t, id + 7, 2), 0);
	assert_int_equal(find(&t, "cccccccc", 1), -ENOTUNIQ);
	assert_int_equal(find(&t, "ccc", 1), -ENOENT);

	assert_int_equal(image_find(t.s, "debian", &i, &t.err), 0);
	assert_int_equal(reference_parse("mine:1", &ref, &t.err), 0);
	assert_int_equal(image_tag(t.s, &i, &ref, &t.err), 0);
	assert_int_equal(image_load_names(t.s, &i, &t.err), 0);
	assert_int_equal(i.names.n, 2);
	assert_int_equal(i.digests.n, 1);
	image_done(&i);
	/* A name moves: the image that it left stays, nameless. */
	assert_int_equal(publish(t.s, 3, "debian", &t.err), 0);
	assert_int_equal(rm(&t, "mine:1", 0), 0);
	assert_int_equal(image_list(t.s, &list, &n, &t.err), 0);
	assert_int_equal(n, 2);
	image_list_done(list, n);
	teststore_close(&t);
}

static void test_long_names(void **state)
{
	char name[256 + 129];
	struct teststore t;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	memset(name, 'a', 250);
	memcpy(name, "localhost/", 10);
	for (size_t i = 20; i < 250; i += 2)
		name[i] = '/';
	name[249] = 'a';
	name[250] = ':';
	memset(name + 251, 't', 128);
	name[251 + 128] = '\0';
	assert_int_equal(publish(t.s, 1, name, &t.err), 0);
	assert_int_equal(find(&t, name, 1), 0);
	assert_int_equal(rm(&t, name, 0), 0);
	assert_int_equal(find(&t, name, 1), -ENOENT);
	assert_int_equal(count(t.s, "refs"), 0);
	teststore_close(&t);
}

static void test_remove(void **state)
{
	struct reference ref;
	struct teststore t;
	struct image i;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(publish(t.s, 1, "one", &t.err), 0);
	assert_int_equal(publish(t.s, 2, "two", &t.err), 0);
	assert_int_equal(count(t.s, "layers"), 3);
	assert_int_equal(rm(&t, "none", 0), -ENOENT);
	assert_int_equal(rm(&t, "one", 0), 0);
	assert_int_equal(find(&t, "two", 2), 0);
	assert_int_equal(count(t.s, "layers"), 2);
	assert_int_equal(count(t.s, "blobs/sha256"), 2);
	assert_int_equal(count(t.s, "staging"), 0);

	assert_int_equal(image_find(t.s, "two", &i, &t.err), 0);
	assert_int_equal(reference_parse("other/two", &ref, &t.err), 0);
	assert_int_equal(image_tag(t.s, &i, &ref, &t.err), 0);
	assert_int_equal(rm(&t, i.config.hex, 0), -EBUSY);
	assert_int_equal(find(&t, "two", 2), 0);
	assert_int_equal(rm(&t, i.config.hex, IMAGE_REMOVE_FORCE), 0);
	image_done(&i);
	assert_int_equal(count(t.s, "layers"), 0);
	assert_int_equal(count(t.s, "images"), 0);
	assert_int_equal(count(t.s, "blobs/sha256"), 0);
	assert_int_equal(count(t.s, "refs"), 0);
	assert_int_equal(store_has_trash(t.s), 1);
	teststore_close(&t);
}

static int create(struct teststore *t, unsigned image, struct container *ret, int *lock)
{
	struct container_new new = { .config = "{}",
				     .config_len = 2,
				     .image = make_digest('a', image) };

	return container_create(t->s, &new, ret, lock, &t->err);
}

static void test_image_in_use(void **state)
{
	struct container c;
	struct teststore t;
	int lock;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(publish(t.s, 1, "app", &t.err), 0);
	assert_int_equal(create(&t, 2, &c, &lock), -ENOENT);
	assert_int_equal(count(t.s, "names"), 0);
	assert_int_equal(create(&t, 1, &c, &lock), 0);
	assert_int_equal(rm(&t, "app", 0), -EBUSY);
	assert_non_null(strstr(t.err.text, "is using its referenced image"));
	assert_int_equal(find(&t, "app", 1), 0);
	/* By force the name goes, the layers stay as long as the container. */
	assert_int_equal(rm(&t, "app", IMAGE_REMOVE_FORCE), 0);
	assert_int_equal(find(&t, "app", 1), -ENOENT);
	assert_int_equal(find(&t, make_digest('c', 1).hex, 1), 0);
	assert_int_equal(count(t.s, "layers"), 2);
	assert_int_equal(container_remove(t.s, &c, &t.err), 0);
	fd_close(lock);
	container_done(&c);
	assert_int_equal(rm(&t, make_digest('c', 1).hex, 0), 0);
	assert_int_equal(count(t.s, "layers"), 0);
	teststore_close(&t);
}

/* A pull in the middle: what it claims survives a removal beside it, and is debris when it dies. */
static void test_claims(void **state)
{
	struct digest shared = make_digest('1', 0), own = make_digest('1', 7);
	char stage[STORE_STAGING_NAME_MAX];
	struct store *other;
	struct teststore t;
	int fd, lock;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(publish(t.s, 1, "one", &t.err), 0);
	assert_int_equal(store_open(t.path, 0, &other, &t.err), 0);
	assert_int_equal(store_staging_new(other, stage, &fd, &lock, &t.err), 0);
	assert_int_equal(layer_claim(other, &shared, 1, &t.err), 0);
	assert_int_equal(layer_check(other, &shared, &t.err), 1);
	assert_int_equal(publish_layer(other, fd, &own, &t.err), 0);
	assert_int_equal(rm(&t, "one", 0), 0);
	assert_int_equal(count(t.s, "layers"), 2);
	assert_int_equal(layer_check(other, &shared, &t.err), 1);
	assert_int_equal(layer_check(other, &own, &t.err), 1);
	fd_close(fd);
	fd_close(lock);
	store_close(other);
	assert_int_equal(store_sweep(t.s, &t.err), 0);
	assert_int_equal(count(t.s, "layers"), 0);
	assert_int_equal(count(t.s, "staging"), 0);
	teststore_close(&t);
}

/* However it is cut, and whatever comes behind. */
static void test_owners(void **state)
{
	struct owners one = range(100000, 65535), cut = range(100000, 30000), other;

	(void)state;
	assert_int_equal(owners_count(&one), 65536);
	assert_int_equal(owners_count(&cut), 30001);
	cut.uids[2] = (struct owners_row){ 30001, 130000, 40000 };
	cut.gids[2] = cut.uids[2];
	cut.n_uids = cut.n_gids = 3;
	assert_true(owners_digest(&one, 65536) == owners_digest(&cut, 65536));
	assert_true(owners_digest(&one, 65536) != owners_digest(&one, 65535));
	other = cut;
	other.gids[2].host++;
	assert_true(owners_digest(&one, 30001) == owners_digest(&other, 30001));
	assert_true(owners_digest(&one, 30002) != owners_digest(&other, 30002));
	assert_true(owners_digest(&one, 65537) == 0 && owners_digest(&one, 0) == 0);
	other = owners_single(&one);
	assert_true(owners_digest(&other, 1) != 0 && owners_count(&other) == 1);
	assert_int_equal(owners_first(&other).uid1, 0);
	assert_int_equal(owners_first(&one).gid1, 100000);
}

static void test_layers(void **state)
{
	struct owners was = range(100000, 1000), moved = range(200000, 1000);
	struct digest d = make_digest('1', 5), none = make_digest('1', 6);
	char stage[STORE_STAGING_NAME_MAX], path[100];
	struct sidecar_header h;
	struct teststore t;
	int fd, lock, dir;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	assert_int_equal(store_staging_new(t.s, stage, &fd, &lock, &t.err), 0);
	assert_int_equal(layer_check(t.s, &none, &t.err), 0);
	assert_int_equal(publish_layer(t.s, fd, &d, &t.err), 0);
	/* The slower of two publishes wins as well. */
	assert_int_equal(publish_layer(t.s, fd, &d, &t.err), 0);
	assert_int_equal(layer_check(t.s, &d, &t.err), 1);
	assert_int_equal(layer_make_durable(t.s, &t.err), 0);
	(void)snprintf(path, sizeof(path), "layers/%s", d.hex);
	dir = store_dir(t.s, path);
	assert_int_equal(sidecar_read_header(dir, &h, &t.err), 0);
	assert_true(h.marks & SIDECAR_DURABLE);
	assert_int_equal(layer_check_owner(t.s, &d, &was, &t.err), 0);
	assert_int_equal(layer_check_owner(t.s, &d, &moved, &t.err), -ESTALE);
	assert_int_equal(t.err.dcode, DCODE_SUBID_CHANGED);
	/* Its owners are less than 500. */
	was.uids[1].count = 499;
	assert_int_equal(layer_check_owner(t.s, &d, &was, &t.err), 0);
	was.uids[1].count = 498;
	assert_int_equal(layer_check_owner(t.s, &d, &was, &t.err), -ESTALE);
	/* Torn by a crash: not used, and out of the way. */
	assert_int_equal(unlinkat(dir, "meta", 0), 0);
	fd_close(dir);
	assert_int_equal(layer_check(t.s, &d, &t.err), 0);
	assert_int_equal(count(t.s, "layers"), 0);
	fd_close(fd);
	store_staging_end(t.s, stage, lock);
	teststore_close(&t);
}

/* ---- SIGKILL at random moments ---- */

enum { KILL_ROUNDS = 40, KILL_IMAGES = 3 };

/* Publishes, tags, runs and removes for ever, and tells each commit before and after. */
static void work(struct store *s, int out)
{
	struct strv names = { 0 }, images = { 0 };
	struct container_new new = { .config = "{}", .config_len = 2, .remove_at_end = true };
	struct error err = { 0 };
	struct container c;
	char name[32];
	int lock;

	for (unsigned i = 0;; i = (i + 1) % KILL_IMAGES) {
		char done[2] = { 'P', (char)('0' + i) }, start[2] = { 'R', (char)('0' + i) };

		(void)snprintf(name, sizeof(name), "image%u", i);
		if (publish(s, i + 1, name, &err) < 0 || fd_write_all(out, done, 2) < 0)
			_exit(1);
		new.image = make_digest('a', i + 1);
		if (container_create(s, &new, &c, &lock, &err) < 0)
			_exit(2);
		if (i == 1 && container_remove(s, &c, &err) < 0)
			_exit(3);
		fd_close(lock);
		container_done(&c);
		if (i != 1 || fd_write_all(out, start, 2) < 0)
			continue;
		if (image_remove(s, name, 0, &names, &images, &err) < 0)
			_exit(4);
	}
}

static void check_whole(struct teststore *t)
{
	struct image *list;
	size_t n, layers = 0;

	assert_int_equal(image_list(t->s, &list, &n, &t->err), 0);
	for (size_t i = 0; i < n; i++) {
		char *text;

		assert_int_not_equal(list[i].names.n, 0);
		for (size_t k = 0; k < list[i].n_layers; k++)
			assert_int_equal(layer_check(t->s, &list[i].layers[k], &t->err), 1);
		assert_int_equal(store_blob_read(t->s, &list[i].config, 10, &text, NULL, &t->err),
				 0);
		free(text);
		assert_int_equal(store_blob_read(t->s, &list[i].manifest, 10, &text, NULL, &t->err),
				 0);
		free(text);
	}
	layers = n ? n + 1 : 0;
	assert_int_equal(count(t->s, "layers"), layers);
	assert_int_equal(count(t->s, "images"), n);
	assert_int_equal(count(t->s, "refs"), n);
	assert_int_equal(count(t->s, "blobs/sha256"), 2 * n);
	assert_int_equal(count(t->s, "staging"), 0);
	assert_int_equal(count(t->s, "containers"), 0);
	assert_int_equal(count(t->s, "names"), 0);
	image_list_done(list, n);
}

static void kill_round(struct teststore *t, char have[KILL_IMAGES], unsigned round)
{
	struct pollfd none = { .fd = -1 };
	struct timespec at = { .tv_nsec = (long)(round * 7919U % 97U) * 200000L };
	char *log, *end;
	size_t len;
	int pipe[2], status;
	pid_t pid;

	assert_int_equal(fd_pipe(pipe), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		work(t->s, pipe[1]);
	fd_close(pipe[1]);
	(void)ppoll(&none, 1, &at, NULL); /* the moment */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(fd_read_to_end(pipe[0], 1 << 20, &log, &len), 0);
	fd_close(pipe[0]);
	end = log + len;
	for (char *p = log; p + 1 < end; p += 2)
		have[p[1] - '0'] = p[0]; /* the last word on each image */
	free(log);
	assert_int_equal(store_sweep(t->s, &t->err), 0);
	check_whole(t);
	for (unsigned i = 0; i < KILL_IMAGES; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "image%u", i);
		if (have[i] == 'P')
			assert_int_equal(find(t, name, i + 1), 0);
	}
}

static void test_killed_anywhere(void **state)
{
	char have[KILL_IMAGES] = { 0 };
	struct teststore t;

	(void)state;
	assert_int_equal(teststore_open(&t), 0);
	for (unsigned i = 0; i < KILL_ROUNDS; i++)
		kill_round(&t, have, i);
	teststore_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),  cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_remove), cmocka_unit_test(test_image_in_use),
		cmocka_unit_test(test_claims), cmocka_unit_test(test_layers),
		cmocka_unit_test(test_owners), cmocka_unit_test(test_killed_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
