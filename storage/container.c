/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroupfs.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "storage/ctrname.h"
#include "storage/ctrrec.h"
#include "storage/staging.h"
#include "storage/textrec.h"

/*
 * Order of a creation, so that SIGKILL leaves nothing that the sweep cannot tell from a record:
 *	1. <runtime>/<id>.lock, held	2. staging/<node>-<id>/	 3. names/<name> -> <id>
 *	4. record, config and state in it   5. is the image still there?
 *	6. rename to containers/<id>
 * A name whose id is in neither staging/ nor containers/ belongs to nobody (ctrrec.h).
 */
enum {
	RECORD_VERSION = 1,
	CONFIG_MAX = 16 << 20,
	NAME_TRIES = 16,
	LOCK_PROCESS_AT = 16, /* in the lock file, behind the exit status */
	PROCESSES_TRIED = 16,
};

/* Read by other processes of this boot alone. */
struct lock_process {
	uint64_t start_time;
	pid_t pid;
};

static const char paused_file[] = "paused";

static int write_file(int dirfd, const char *name, const void *p, size_t n)
{
	_cleanup_(fd_closep) int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd_write_all(fd, p, n);
}

static int write_record(const struct container *c)
{
	char text[1024];
	struct textrec_writer w;
	size_t len;
	int r;

	textrec_begin(&w, text, sizeof(text), "container", RECORD_VERSION);
	textrec_add(&w, "name", c->name);
	textrec_add(&w, "created", c->created);
	textrec_add_digest(&w, "image", &c->image);
	r = textrec_end(&w, &len);
	return r < 0 ? r : write_file(c->dirfd, "record", text, len);
}

static int take_name(struct store *s, struct container *c, const struct container_new *new)
{
	bool generate = !new->name || !*new->name;
	char link[7 + sizeof(c->name)];
	int r;

	for (unsigned i = 0; i < NAME_TRIES; i++) {
		r = generate ? ctrname_generate(i, c->name, sizeof(c->name))
			     : str_copy(c->name, sizeof(c->name), new->name);
		if (r == 0)
			r = str_print(link, sizeof(link), "names/%s", c->name);
		if (r < 0)
			return r;
		if (symlinkat(c->id, s->root_fd, link) == 0)
			return 0;
		r = -errno;
		if (r == -EEXIST && ctrrec_drop_stale_name(s, c->name) == 0)
			continue;
		if (r != -EEXIST || !generate)
			return r;
	}
	return r;
}

static int name_in_use(struct store *s, const char *name, struct error *err)
{
	char id[ID_LEN + 1];

	if (ctrrec_read_name(s, name, id) < 0)
		return error_set(err, -EEXIST, "container name \"%s\" is in use", name);
	error_set(err, -EEXIST, "container name \"%s\" is in use by container %.12s", name, id);
	error_hint(err, "choose another name, or remove that one: `carrel rm %s`", name);
	return -EEXIST;
}

static int fill(struct container *c, const struct container_new *new)
{
	int r;

	c->state = (struct container_state){ .status = CONTAINER_CREATED,
					     .remove_at_end = new->remove_at_end };
	r = container_state_set_supervisor(&c->state, getpid());
	if (r == 0)
		r = write_file(c->dirfd, "config", new->config, new->config_len);
	if (r == 0)
		r = container_write_state(c->dirfd, &c->state);
	return r;
}

static int check_image(struct store *s, const struct digest *image, struct error *err)
{
	char path[8 + DIGEST_HEX_LEN + 1];

	if (!digest_is_set(image))
		return 0;
	(void)snprintf(path, sizeof(path), "images/%s", image->hex);
	if (faccessat(s->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	error_set(err, -ENOENT, "image %.12s was removed meanwhile", image->hex);
	error_hint(err, "pull it again");
	return -ENOENT;
}

/* Steps 2 to 6 below the staging name; the caller undoes. */
static int create_in(struct store *s, const char *stage, const struct container_new *new,
		     struct container *c, struct error *err)
{
	char to[11 + ID_LEN + 1];
	int r;

	(void)snprintf(to, sizeof(to), "containers/%s", c->id);
	if (mkdirat(s->root_fd, stage, 0700) < 0)
		return store_error(err, -errno, "make %s/%s", s->path, stage);
	c->dirfd = openat(s->root_fd, stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dirfd < 0)
		return store_error(err, -errno, "open %s/%s", s->path, stage);
	r = take_name(s, c, new);
	if (r == -EEXIST)
		return name_in_use(s, c->name, err);
	if (r < 0)
		return store_error(err, r, "name the container \"%s\"", c->name);
	r = fill(c, new);
	if (r == 0)
		r = write_record(c);
	if (r < 0)
		return store_error(err, r, "write the record of container %.12s", c->id);
	/* After the record: a removal of the image looks at records after it has dropped it. */
	r = check_image(s, &c->image, err);
	if (r < 0)
		return r;
	if (renameat(s->root_fd, stage, s->root_fd, to) < 0)
		return store_error(err, -errno, "publish container %.12s", c->id);
	return 0;
}

static void create_undo(struct store *s, const char *stage, struct container *c)
{
	char link[7 + sizeof(c->name)], id[ID_LEN + 1], lname[ID_LEN + 8];

	fd_close(TAKE_FD(c->dirfd));
	ignore_result(store_trash(s, s->root_fd, stage, NULL)); /* never made, or the sweep's */
	if (c->name[0] && ctrrec_read_name(s, c->name, id) == 0 && str_eq(id, c->id)) {
		(void)snprintf(link, sizeof(link), "names/%s", c->name);
		(void)unlinkat(s->root_fd, link, 0);
	}
	(void)unlinkat(s->runtime_fd, ctrrec_lock_name(c->id, lname), 0);
}

int container_create(struct store *s, const struct container_new *new, struct container *ret,
		     int *ret_lock, struct error *err)
{
	char stage[9 + ID_NODE_LEN + 1 + ID_LEN + 1], lname[ID_LEN + 8];
	struct container c = { .dirfd = -1, .image = new->image };
	_cleanup_(fd_closep) int lock = -1;
	int r;

	if (new->name &&*new->name && !ctrname_is_valid(new->name)) {
		error_set(err, -EINVAL, "invalid container name \"%s\"", new->name);
		error_hint(err, "letters, digits, '_', '.' and '-' only, the first a letter or a "
				"digit; at most 255");
		return -EINVAL;
	}
	id_hex(c.id, ID_LEN / 2);
	timefmt_now(c.created);
	(void)snprintf(stage, sizeof(stage), "staging/%s-%s", s->node, c.id);
	/* Waiting: only a sweep that saw the new file can be in the way, for a moment. */
	lock = lock_wait(s->runtime_fd, ctrrec_lock_name(c.id, lname));
	if (lock < 0) {
		error_code(err, lock, "lock container %.12s in %s", c.id, s->runtime_path);
		if (lock == -ENOSPC || lock == -EDQUOT)
			error_hint(err, "free space or inodes there, or set XDG_RUNTIME_DIR to "
					"another directory of yours");
		return lock;
	}
	r = create_in(s, stage, new, &c, err);
	if (r < 0) {
		create_undo(s, stage, &c);
		return r;
	}
	*ret = c;
	*ret_lock = TAKE_FD(lock);
	return 0;
}

/* What a reader sees: a record that says running without a supervisor tells of a crash. */
static void judge(struct store *s, struct container *c)
{
	struct container_state *st = &c->state;

	if (st->status != CONTAINER_RUNNING || !staging_is_local(s, st->node) ||
	    container_is_alive(s, c))
		return;
	/* It may have ended, properly, since the state was read. */
	if (container_read_state(c->dirfd, st) < 0 || st->status != CONTAINER_RUNNING)
		return;
	st->status = CONTAINER_EXITED;
	st->exit_code = 137;
	st->pid = 0;
}

static int read_record(struct container *c)
{
	_cleanup_(freep) char *text = NULL;
	struct textrec rec;
	size_t len;
	int r;

	r = path_read(c->dirfd, "record", 4096, &text, &len);
	if (r == 0)
		r = textrec_parse(text, len, "container", RECORD_VERSION, &rec);
	if (r == 0)
		r = textrec_get(&rec, "name", c->name, sizeof(c->name));
	if (r == 0)
		r = textrec_get(&rec, "created", c->created, sizeof(c->created));
	if (r < 0)
		return r;
	r = textrec_get_digest(&rec, "image", &c->image);
	return r == -ENODATA ? 0 : r;
}

/* Cut short or never written, not out of descriptors or memory: those say nothing about it. */
static bool is_torn(int r)
{
	return r == -ENOENT || r == -EINVAL || r == -ENODATA || r == -ERANGE || r == -EFBIG ||
	       r == -ENAMETOOLONG || r == -EBADMSG;
}

static bool read_paused(const struct container *c)
{
	_cleanup_(freep) char *text = NULL;
	struct textrec rec;
	uint64_t pid, start;
	size_t len;

	return path_read(c->dirfd, paused_file, 256, &text, &len) == 0 &&
	       textrec_parse(text, len, paused_file, RECORD_VERSION, &rec) == 0 &&
	       textrec_get_u64(&rec, "pid", &pid) == 0 &&
	       textrec_get_u64(&rec, "start-time", &start) == 0 && pid == (uint64_t)c->state.pid &&
	       start == c->state.start_time;
}

int container_set_paused(struct container *c, bool paused)
{
	struct textrec_writer w;
	char text[256];
	size_t len;
	int r;

	if (!paused) {
		r = unlinkat(c->dirfd, paused_file, 0) < 0 && errno != ENOENT ? -errno : 0;
	} else {
		textrec_begin(&w, text, sizeof(text), paused_file, RECORD_VERSION);
		textrec_add_u64(&w, "pid", (uint64_t)c->state.pid);
		textrec_add_u64(&w, "start-time", c->state.start_time);
		r = textrec_end(&w, &len);
		if (r == 0)
			r = file_publish(c->dirfd, paused_file, text, len, 0600, FILE_LAZY);
	}
	if (r == 0)
		c->paused = paused;
	return r;
}

int container_open_record(struct store *s, const char *dir, const char *id, struct container *ret)
{
	struct container c = { .dirfd = -1 };
	char path[256];
	int r;

	r = str_print(path, sizeof(path), "%s/%s", dir, id);
	if (r < 0)
		return r;
	c.dirfd = openat(s->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dirfd < 0)
		return -errno;
	r = read_record(&c);
	if (r == 0)
		r = container_read_state(c.dirfd, &c.state);
	/* Moved to trash since we opened it, and perhaps half deleted there: it is gone. */
	if (r < 0 && faccessat(s->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		r = -EIDRM;
	if (is_torn(r)) {
		/* No fsync on the start path: a power loss may tear it. Then it is not running. */
		c.state = (struct container_state){ .status = CONTAINER_EXITED, .exit_code = 137 };
		ignore_result(str_copy(c.state.error, sizeof(c.state.error),
				       "the record was lost in a crash")); /* fits */
		r = 0;
	}
	if (r < 0) {
		fd_close(c.dirfd);
		return r == -EIDRM ? -ENOENT : r;
	}
	*ret = c;
	return 0;
}

static int open_one(struct store *s, const char *id, struct container *ret, struct error *err)
{
	struct container c;
	int r = container_open_record(s, "containers", id, &c);

	if (r < 0)
		return error_code(err, r, "read the record of container %.12s", id);
	/* The directory's name is the truth, and it was a valid id. */
	ignore_result(str_copy(c.id, sizeof(c.id), id));
	if (!c.name[0])
		ignore_result(str_copy(c.name, sizeof(c.name), id)); /* torn: it needs some name */
	judge(s, &c);
	c.paused = c.state.status == CONTAINER_RUNNING && read_paused(&c);
	*ret = c;
	return 0;
}

static bool is_id(const char *s)
{
	return strlen(s) == ID_LEN && strspn(s, "0123456789abcdef") == ID_LEN;
}

/* 0 and the id; -ENOENT; -ENOTUNIQ. */
static int match_prefix(struct store *s, const char *prefix, char id[ID_LEN + 1])
{
	_cleanup_(strv_done) struct strv names = { 0 };
	int r = store_names(s->root_fd, "containers", &names);
	const char *found = NULL;

	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		if (!is_id(names.v[i]) || !str_starts(names.v[i], prefix))
			continue;
		if (found)
			return -ENOTUNIQ;
		found = names.v[i];
	}
	return found ? str_copy(id, ID_LEN + 1, found) : -ENOENT;
}

static bool exists(struct store *s, const char *id)
{
	char path[11 + ID_LEN + 1];

	(void)snprintf(path, sizeof(path), "containers/%s", id);
	return faccessat(s->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int container_find(struct store *s, const char *name_or_id, struct container *ret,
		   struct error *err)
{
	char id[ID_LEN + 1];
	/* As `inspect` has it: scripts take it from there. */
	const char *name = name_or_id + (*name_or_id == '/');
	int r = -ENOENT;

	if (is_id(name) && exists(s, name))
		r = str_copy(id, sizeof(id), name);
	if (r < 0 && ctrname_is_valid(name)) {
		r = ctrrec_read_name(s, name, id);
		if (r == 0 && !exists(s, id))
			r = -ENOENT; /* in the making, or stale */
	}
	if (r < 0 && strspn(name, "0123456789abcdef") == strlen(name) && *name)
		r = match_prefix(s, name, id);
	if (r == -ENOTUNIQ) {
		error_set(err, r, "\"%s\" begins the ids of several containers", name_or_id);
		error_hint(err, "write more of the id, or the name: `carrel ps -a` shows both");
		return r;
	}
	if (r == 0)
		r = open_one(s, id, ret, err);
	else
		r = -ENOENT;
	/* Also where it went (--rm) between our two looks. */
	if (r != -ENOENT)
		return r;
	error_set(err, -ENOENT, "no such container: %s", name_or_id);
	error_hint(err, "`carrel ps -a` lists the containers");
	return -ENOENT;
}

void container_done(struct container *c)
{
	fd_close(TAKE_FD(c->dirfd));
}

static int compare_created(const void *a, const void *b)
{
	return strcmp(((const struct container *)b)->created,
		      ((const struct container *)a)->created);
}

int container_list(struct store *s, struct container **ret, size_t *ret_n, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	struct container *list = NULL;
	size_t n = 0, cap = 0;
	int r = store_names(s->root_fd, "containers", &names);

	if (r < 0)
		return store_error(err, r, "read %s/containers", s->path);
	for (size_t i = 0; i < names.n; i++) {
		struct error e = { 0 };

		if (!is_id(names.v[i]))
			continue;
		list = array_grow(list, n, &cap, sizeof(*list));
		r = open_one(s, names.v[i], &list[n], &e);
		if (r == 0)
			n++;
		else if (r != -ENOENT) /* removed since the directory was read */
			log_warn(DCODE_NONE, "%s", e.text);
	}
	if (n)
		qsort(list, n, sizeof(*list), compare_created);
	*ret = list;
	*ret_n = n;
	return 0;
}

void container_list_done(struct container *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		container_done(&list[i]);
	free(list);
}

int container_write_config(struct container *c, const char *config, size_t len, struct error *err)
{
	int r = file_publish(c->dirfd, "config", config, len, 0600, 0);

	return r < 0 ? error_code(err, r, "write the configuration of container %.12s", c->id) : 0;
}

int container_read_config(struct container *c, char **ret, size_t *ret_len, struct error *err)
{
	int r = path_read(c->dirfd, "config", CONFIG_MAX, ret, ret_len);

	return r < 0 ? error_code(err, r, "read the configuration of container %.12s", c->id) : 0;
}

bool container_is_alive(struct store *s, const struct container *c)
{
	char lname[ID_LEN + 8];

	if (s->runtime_fd >= 0 && lock_test(s->runtime_fd, ctrrec_lock_name(c->id, lname)) == 1)
		return true;
	if (c->state.status == CONTAINER_EXITED || !str_eq(c->state.node, s->node))
		return false;
	return proc_recorded_lives(c->state.supervisor, c->state.supervisor_start);
}

int container_lock(struct store *s, const struct container *c)
{
	_cleanup_(fd_closep) int sweep = -1, fd = -1;
	char lname[ID_LEN + 8];

	ctrrec_lock_name(c->id, lname);
	fd = lock_try(s->runtime_fd, lname);
	if (fd == -EAGAIN) {
		/* A sweep holds locks for a moment to look behind them: let it end. */
		sweep = lock_wait(s->runtime_fd, CTRREC_SWEEP_LOCK);
		fd_close(TAKE_FD(sweep));
		fd = lock_try(s->runtime_fd, lname);
	}
	if (fd < 0)
		return fd;
	/* Free here, but alive under another runtime directory? */
	if (c->state.status != CONTAINER_EXITED && str_eq(c->state.node, s->node) &&
	    c->state.supervisor != getpid() &&
	    proc_recorded_lives(c->state.supervisor, c->state.supervisor_start))
		return -EAGAIN;
	return TAKE_FD(fd);
}

int container_lock_set_status(int lock_fd, int status)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", status);

	/* One write: nobody reads half a number, and the lock is held until after it. */
	if (pwrite(lock_fd, text, (size_t)n, 0) != n)
		return errno ? -errno : -EIO;
	return 0;
}

int container_lock_status(int lock_fd)
{
	char text[16];
	ssize_t n = pread(lock_fd, text, sizeof(text) - 1, 0);
	uint32_t status;
	char *end = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;

	if (!end)
		return -1;
	*end = '\0';
	return num_u32(text, &status) == 0 && status <= 255 ? (int)status : -1;
}

int container_lock_set_process(int lock_fd)
{
	struct lock_process p = { .pid = getpid() };
	int r = proc_start_time(p.pid, &p.start_time);

	if (r < 0)
		return r;
	if (pwrite(lock_fd, &p, sizeof(p), LOCK_PROCESS_AT) != sizeof(p))
		return errno ? -errno : -EIO;
	return 0;
}

static int try_process(struct store *s, const char *lock, container_process fn, void *arg,
		       struct error *err)
{
	_cleanup_(fd_closep) int fd =
		openat(s->runtime_fd, lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(fd_closep) int pidfd = -1;
	struct lock_process p;

	if (fd < 0 || pread(fd, &p, sizeof(p), LOCK_PROCESS_AT) != sizeof(p))
		return 0;
	pidfd = proc_open_recorded(p.pid, p.start_time);
	return pidfd < 0 ? 0 : fn(pidfd, p.pid, arg, err);
}

int container_each_process(struct store *s, container_process fn, void *arg, struct error *err)
{
	_cleanup_(strv_done) struct strv names = { 0 };
	unsigned tried = 0;
	int r = 0;

	ignore_result(store_names(s->runtime_fd, ".", &names)); /* then there is nobody */
	for (size_t i = 0; r == 0 && i < names.n && tried < PROCESSES_TRIED; i++) {
		if (strlen(names.v[i]) != ID_LEN + 5 || !str_ends(names.v[i], ".lock"))
			continue;
		tried++;
		r = try_process(s, names.v[i], fn, arg, err);
	}
	return r;
}

int container_remove(struct store *s, struct container *c, struct error *err)
{
	_cleanup_(fd_closep) int dir = store_dir(s, "containers");
	char lname[ID_LEN + 8];
	int r;

	if (dir < 0)
		return store_error(err, dir, "open %s/containers", s->path);
	if (c->state.cgroup[0]) {
		/* Before the record, which alone knows of it. */
		r = cgroupfs_reclaim(c->state.cgroup, c->id);
		if (r < 0)
			log_debug("container", "remove cgroup %s: %s", c->state.cgroup,
				  strerror(-r));
	}
	/* The attach socket of a supervisor that was killed; before the record, which leads here.
	 */
	(void)unlinkat(s->runtime_fd, ctrrec_socket_name(c->id, lname), 0);
	/* The record first: a name without one is swept, a record without a name would stay. */
	r = store_trash(s, dir, c->id, err);
	if (r < 0 && r != -ENOENT)
		return r;
	error_clear(err);
	ctrrec_drop_name_of(s, c->name, c->id);
	(void)unlinkat(s->runtime_fd, ctrrec_lock_name(c->id, lname), 0);
	return 0;
}
