/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/output.h"
#include "codec/json.h"
#include "supervisor/logfile.h"

/* The supervisor cuts lines at 16 KiB; as JSON each byte may take six. */
enum {
	RECORD_MAX = 256 << 10,
	BLOCK = 8 << 10,
	TAIL_SIZE = 256, /* of a record: all that comes after the text, and some of that */
};

struct logs_options {
	bool follow, timestamps;
	const char *tail;
};

#define O(field) offsetof(struct logs_options, field)

static const struct opt options[] = {
	{ "follow", 'f', OPT_FLAG, O(follow), NULL, "go on until the container ends" },
	{ "tail", 'n', OPT_STRING, O(tail), "N", "only the last N lines, or all" },
	{ "timestamps", 't', OPT_FLAG, O(timestamps), NULL, "print the time before each line" },
	{ NULL },
};

struct logs {
	int fd;
	bool timestamps;
	bool inside[2]; /* of stdout, stderr: the last piece had no newline */
	int error;	/* of the first write to stdout that failed */
	size_t len;
	char buf[RECORD_MAX];
};

static int print_record(struct logs *l, const char *text, size_t n, struct error *err)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct json_object *log;
	const char *stream, *when;
	size_t len;
	FILE *to;
	int r, k;

	r = json_parse(text, n, &o, err);
	if (r == 0)
		r = json_get_string(o, "stream", &stream, err);
	if (r == 0)
		r = json_get_string(o, "time", &when, err);
	if (r < 0)
		return r;
	if (!json_object_object_get_ex(o, "log", &log) ||
	    !json_object_is_type(log, json_type_string))
		return error_set(err, -EINVAL, "no text");
	text = json_object_get_string(log);
	len = (size_t)json_object_get_string_len(log);
	if (stream && str_eq(stream, LOGFILE_OWN)) {
		int q = output_flush(err); /* in its place */

		log_warn(DCODE_NONE, "%.*s", (int)(len && text[len - 1] == '\n' ? len - 1 : len),
			 text);
		return q;
	}
	k = stream && str_eq(stream, "stderr");
	to = k ? stderr : stdout;
	/* Both may end in one place: in the order in which they were written. */
	if (k && fflush(stdout) != 0 && !l->error)
		l->error = -errno;
	if (l->timestamps && !l->inside[k])
		(void)fprintf(to, "%s ", when ? when : "?");
	if (fwrite(text, 1, len, to) < len && !k && !l->error)
		l->error = -errno;
	l->inside[k] = len && text[len - 1] != '\n';
	return 0;
}

/* All whole records that are in the buffer. */
static void print_buffer(struct logs *l)
{
	size_t off = 0;

	for (;;) {
		char *nl = memchr(l->buf + off, '\n', l->len - off);
		size_t n;

		if (!nl)
			break;
		n = (size_t)(nl - l->buf) - off;
		/* A torn record (the host died while it was written) is skipped, not fatal. */
		ignore_result(print_record(l, l->buf + off, n, NULL));
		off += n + 1;
	}
	if (off == 0 && l->len == sizeof(l->buf))
		off = l->len; /* not a record of ours: forget it up to the next newline */
	l->len -= off;
	memmove(l->buf, l->buf + off, l->len);
}

static int print_available(struct logs *l, struct error *err)
{
	for (;;) {
		ssize_t n = read(l->fd, l->buf + l->len, sizeof(l->buf) - l->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, "read the log");
		if (n == 0)
			break;
		l->len += (size_t)n;
		print_buffer(l);
		if (l->error)
			return output_failed(l->error, err);
	}
	return output_flush(err);
}

/* Does the record before `end` end a line? The pieces of a long one have no newline but the last.
 */
static bool ends_line(int fd, off_t end)
{
	static const char stream[] = "\",\"stream\":\"";
	char tail[TAIL_SIZE];
	off_t from = end > TAIL_SIZE ? end - TAIL_SIZE : 0;
	ssize_t n = pread(fd, tail, (size_t)(end - from), from);
	const char *p = NULL, *q;
	size_t slashes = 0;

	for (q = tail; n > 0 && (q = memmem(q, (size_t)(tail + n - q), stream, strlen(stream)));
	     q++)
		p = q;
	if (!p || p == tail || p[-1] != 'n')
		return !p; /* a torn one ends there */
	for (q = p - 1; q > tail && q[-1] == '\\'; q--)
		slashes++;
	return slashes % 2;
}

/* The offset of the last `want` lines. */
static int seek_tail(int fd, uint64_t want, struct error *err)
{
	char block[BLOCK];
	off_t at = lseek(fd, 0, SEEK_END);
	uint64_t seen = 0;

	if (at < 0)
		return error_sys(err, "look at the log");
	while (at > 0) {
		off_t from = at > BLOCK ? at - BLOCK : 0;
		ssize_t n = pread(fd, block, (size_t)(at - from), from);

		if (n != at - from)
			return error_set(err, -EIO, "the log changed while it was read");
		for (ssize_t i = n; i > 0; i--) {
			/* The first newline is the end of all, whatever the last record is. */
			if (block[i - 1] != '\n' || (seen && !ends_line(fd, from + i)))
				continue;
			if (seen++ == want)
				return lseek(fd, from + i, SEEK_SET) < 0
					       ? error_sys(err, "seek in the log")
					       : 0;
		}
		at = from;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? error_sys(err, "seek in the log") : 0;
}

static bool has_ended(struct container *c)
{
	struct container_state st;

	/* The state is written after the log's last line; a record that is gone has ended. */
	return container_read_state(c->dirfd, &st) < 0 || st.status != CONTAINER_RUNNING;
}

static int watch(const struct container *c, struct error *err)
{
	struct path_fd path = path_of_fd(c->dirfd);
	_cleanup_(fd_closep) int fd = inotify_init1(IN_CLOEXEC);

	if (fd < 0)
		return error_sys(err, "make an inotify descriptor");
	/* `log` is modified, `state` is renamed into place; the janitor moves all away. */
	if (inotify_add_watch(fd, path.s, IN_MODIFY | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF) <
	    0)
		return error_sys(err, "watch the log");
	return TAKE_FD(fd);
}

/* Until something happens in the record, or its supervisor is gone without a word. */
static int wait_change(int watch_fd, int super_fd, struct error *err)
{
	struct pollfd p[2] = {
		{ .fd = watch_fd, .events = POLLIN },
		{ .fd = super_fd, .events = POLLIN },
	};
	char events[4096];

	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : error_sys(err, "wait for the log");
	if ((p[0].revents & POLLIN) && read(watch_fd, events, sizeof(events)) < 0)
		return error_sys(err, "wait for the log");
	return 0;
}

static int follow(struct cli *cli, struct container *c, struct logs *l, struct error *err)
{
	_cleanup_(fd_closep) int watch_fd = watch(c, err);
	_cleanup_(fd_closep) int super_fd =
		proc_open_recorded(c->state.supervisor, c->state.supervisor_start);
	int r;

	if (watch_fd < 0)
		return watch_fd;
	if (super_fd < 0 && super_fd != -ESRCH)
		return error_code(err, super_fd, "find the supervisor of container %s", c->name);
	for (;;) {
		/* In this order: what was written before the end is in the log by then. */
		bool ended = has_ended(c) || !container_is_alive(cli->store, c);

		r = print_available(l, err);
		if (r < 0 || ended)
			return r;
		r = wait_change(watch_fd, super_fd, err);
		if (r < 0)
			return r;
	}
}

/* docker takes any number below zero for it, too. */
static bool is_all(const char *tail)
{
	uint64_t n;

	return str_eq(tail, "all") || (tail[0] == '-' && num_u64(tail + 1, &n) == 0);
}

/* The last ones are lost where nothing came after them that would have said so. */
static void tell_lost(const struct container *c)
{
	struct container_state st;

	if (container_read_state(c->dirfd, &st) == 0 && st.status == CONTAINER_EXITED &&
	    st.log_lost)
		log_warn(DCODE_NONE,
			 "%" PRIu64 " records in all are not in the log of container %s: the disk "
			 "was full, or failed",
			 st.log_lost, c->name);
}

static int show(struct cli *cli, struct container *c, void *data, struct error *err)
{
	const struct logs_options *o = data;
	struct logs *l = xcalloc(1, sizeof(*l));
	uint64_t tail;
	int r = 0;

	l->timestamps = o->timestamps;
	l->fd = openat(c->dirfd, "log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (l->fd < 0 && errno == ENOENT) {
		if (c->state.status == CONTAINER_RUNNING) {
			error_set(err, -ENOENT, "container %s has no log", c->name);
			error_hint(err, "a foreground `run --rm` writes to its caller only");
			r = -ENOENT;
		}
	} else if (l->fd < 0) {
		r = error_sys(err, "open the log of container %s", c->name);
	} else {
		if (o->tail && !is_all(o->tail)) {
			r = num_u64(o->tail, &tail);
			if (r < 0)
				error_set(err, r, "--tail: '%s' is not a number of lines", o->tail);
			else
				r = seek_tail(l->fd, tail, err);
		}
		if (r == 0)
			r = o->follow ? follow(cli, c, l, err) : print_available(l, err);
		if (r == 0)
			tell_lost(c);
	}
	fd_close(l->fd);
	free(l);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct logs_options o = { 0 };

	return ctrcmd_run_one(cli, argc, argv, &o, show, err);
}

const struct command cmd_logs = {
	.name = "logs",
	.group = GROUP_CONTAINER,
	.summary = "print what a container wrote",
	.usage = "[OPTIONS] CONTAINER",
	.options = options,
	.run = run,
};
