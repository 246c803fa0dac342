/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/num.h"
#include "base/proc.h"
#include "storage/container.h"
#include "storage/ctrstate.h"
#include "storage/textrec.h"

/*
 * The supervisor links this file: text only, no allocation, nothing but record.c behind it.
 */
enum {
	STATE_VERSION = 1,
};

static const char *const status_name[] = {
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_EXITED] = "exited",
};

size_t container_format_state(const struct container_state *st, char buf[CONTAINER_STATE_MAX])
{
	struct textrec_writer w;
	size_t len = 0;

	textrec_begin(&w, buf, CONTAINER_STATE_MAX, "state", STATE_VERSION);
	textrec_add(&w, "status", status_name[st->status]);
	textrec_add_u64(&w, "pid", st->pid > 0 ? (uint64_t)st->pid : 0);
	textrec_add_u64(&w, "start-time", st->start_time);
	textrec_add_u64(&w, "supervisor", st->supervisor > 0 ? (uint64_t)st->supervisor : 0);
	textrec_add_u64(&w, "supervisor-start", st->supervisor_start);
	textrec_add_u64(&w, "exit-code", (uint64_t)(st->exit_code & 0xff));
	textrec_add(&w, "remove-at-end", st->remove_at_end ? "1" : "0");
	textrec_add(&w, "started", st->started);
	textrec_add(&w, "finished", st->finished);
	textrec_add(&w, "boot", st->boot);
	textrec_add(&w, "node", st->node);
	textrec_add(&w, "error", st->error);
	if (st->cgroup[0])
		textrec_add(&w, "cgroup", st->cgroup);
	if (st->oom_killed)
		textrec_add(&w, "oom-killed", "1");
	if (st->one_id != DCODE_NONE)
		textrec_add_u64(&w, "one-id", st->one_id);
	if (st->log_lost)
		textrec_add_u64(&w, "log-lost", st->log_lost);
	if (st->ids) {
		textrec_add_u64(&w, "ids", st->ids);
		textrec_add_u64(&w, "ids-digest", st->ids_digest);
	}
	/* The fields' sizes sum up to less than the buffer. */
	ignore_result(textrec_end(&w, &len));
	return len;
}

_Static_assert(sizeof(struct container_state) + 400 < CONTAINER_STATE_MAX,
	       "the text of a state must fit");

static int get_pid(const struct textrec *rec, const char *key, pid_t *ret)
{
	uint64_t v;
	int r = textrec_get_u64(rec, key, &v);

	if (r < 0)
		return r;
	if (v > INT_MAX)
		return -EINVAL;
	*ret = (pid_t)v;
	return 0;
}

static int get_status(const struct textrec *rec, enum container_status *ret)
{
	char text[16];
	int r = textrec_get(rec, "status", text, sizeof(text));

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(status_name); i++) {
		if (strcmp(text, status_name[i]) == 0) {
			*ret = (enum container_status)i;
			return 0;
		}
	}
	return r < 0 ? r : -EINVAL;
}

/* Lines that are there only where they say something, and not in records of earlier versions. */
static int get_optional(const struct textrec *rec, struct container_state *st)
{
	uint64_t oom = 0, one = 0, ids = 0, digest = 0, lost = 0;
	int r;

	r = textrec_get(rec, "cgroup", st->cgroup, sizeof(st->cgroup));
	if (r == 0 || r == -ENODATA)
		r = textrec_get_u64(rec, "oom-killed", &oom);
	if (r == 0 || r == -ENODATA)
		r = textrec_get_u64(rec, "one-id", &one);
	if (r == 0 || r == -ENODATA)
		r = textrec_get_u64(rec, "log-lost", &lost);
	if (r == 0 || r == -ENODATA)
		r = textrec_get_u64(rec, "ids", &ids);
	if (r == 0 || r == -ENODATA)
		r = textrec_get_u64(rec, "ids-digest", &digest);
	if (r < 0 && r != -ENODATA)
		return r;
	if (one >= DCODE_MAX || ids > UINT32_MAX)
		return -EINVAL;
	st->oom_killed = oom != 0;
	st->one_id = (enum dcode)one;
	st->log_lost = lost;
	st->ids = (uint32_t)ids;
	st->ids_digest = digest;
	return 0;
}

static int get_numbers(const struct textrec *rec, struct container_state *st)
{
	uint64_t code, rm;
	int r;

	r = get_pid(rec, "pid", &st->pid);
	if (r == 0)
		r = textrec_get_u64(rec, "start-time", &st->start_time);
	if (r == 0)
		r = get_pid(rec, "supervisor", &st->supervisor);
	if (r == 0)
		r = textrec_get_u64(rec, "supervisor-start", &st->supervisor_start);
	if (r == 0)
		r = textrec_get_u64(rec, "exit-code", &code);
	if (r == 0)
		r = textrec_get_u64(rec, "remove-at-end", &rm);
	if (r < 0)
		return r;
	if (code > 255 || rm > 1)
		return -EINVAL;
	st->exit_code = (int)code;
	st->remove_at_end = rm;
	return 0;
}

int container_parse_state(const char *text, size_t len, struct container_state *ret)
{
	struct container_state st = { 0 };
	struct textrec rec;
	int r;

	r = textrec_parse(text, len, "state", STATE_VERSION, &rec);
	if (r == 0)
		r = get_status(&rec, &st.status);
	if (r == 0)
		r = get_numbers(&rec, &st);
	if (r == 0)
		r = textrec_get(&rec, "started", st.started, sizeof(st.started));
	if (r == 0)
		r = textrec_get(&rec, "finished", st.finished, sizeof(st.finished));
	if (r == 0)
		r = textrec_get(&rec, "boot", st.boot, sizeof(st.boot));
	if (r == 0)
		r = textrec_get(&rec, "node", st.node, sizeof(st.node));
	if (r == 0)
		r = textrec_get(&rec, "error", st.error, sizeof(st.error));
	if (r == 0)
		r = get_optional(&rec, &st);
	if (r < 0)
		return r;
	*ret = st;
	return 0;
}

int container_write_state(int dirfd, const struct container_state *st)
{
	char text[CONTAINER_STATE_MAX];
	/* What runs does not outlive a loss of power; how it ended is to be kept. */
	enum file_flags flags = st->status == CONTAINER_EXITED ? 0 : FILE_LAZY;

	return file_publish(dirfd, "state", text, container_format_state(st, text), 0600, flags);
}

int container_read_state(int dirfd, struct container_state *ret)
{
	_cleanup_(fd_closep) int fd =
		openat(dirfd, "state", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[CONTAINER_STATE_MAX];
	ssize_t n = fd < 0 ? -errno : fd_read_head(fd, text, sizeof(text));

	return n < 0 ? (int)n : container_parse_state(text, (size_t)n, ret);
}

int container_state_set_supervisor(struct container_state *st, pid_t pid)
{
	uint64_t start;
	int r = proc_start_time(pid, &start);

	if (r < 0)
		return r;
	st->supervisor = pid;
	st->supervisor_start = start;
	id_node(st->node);
	return id_boot(st->boot);
}
