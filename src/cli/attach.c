/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/proc.h"
#include "cli/relay.h"
#include "cli/signals.h"
#include "cli/stdfd.h"
#include "cli/tty.h"
#include "superctl.h"

struct message {
	struct superctl_head head;
	char data[SUPERCTL_DATA_MAX];
};

/* One standard descriptor of ours. */
struct end {
	struct loop_source source; /* fd -1: closed */
	enum stdfd_wait wait;
};

struct attach {
	struct loop loop;
	struct loop_source sock, signals;
	struct proc init; /* signals go to it directly */
	struct end ends[3];
	enum attach_flags flags;
	const struct detach_keys *keys;
	unsigned n_keys; /* typed so far */
	bool ended, detached, hung_up, unread, eof_sent;
	int status, error;

	/* One message in each direction. */
	struct message out; /* to be written to standard output or error */
	size_t out_off, out_len;
	struct message in; /* to be sent */
	size_t in_len;	   /* with its head; 0 = none */
};

static int arm(struct attach *a);

/* --- detach keys --- */

int detach_keys_parse(const char *s, struct detach_keys *ret, struct error *err)
{
	struct detach_keys k = { 0 };

	while (*s) {
		size_t n = strcspn(s, ",");
		char c = 0;

		if (n == 1)
			c = s[0];
		else if (n == 6 && str_starts(s, "ctrl-") &&
			 ((s[5] >= 'a' && s[5] <= 'z') || strchr("@[\\]^_", s[5])))
			c = (char)(s[5] & 0x1f);
		if (n != 1 && !c && !(n == 6 && s[5] == '@'))
			return error_set(err, -EINVAL, "detach key '%.*s' is not known", (int)n, s);
		if (k.n == DETACH_KEYS_MAX)
			return error_set(err, -EINVAL, "more than %d detach keys", DETACH_KEYS_MAX);
		k.keys[k.n++] = c;
		s += n + (s[n] == ',');
	}
	*ret = k;
	return 0;
}

/*
 * Take the detach sequence out of what was typed. Keys that turned out not to be one are sent
 * after all; the buffer has room for them in front. Returns the new length.
 */
static size_t filter_keys(struct attach *a, char *buf, const char *typed, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n && !a->detached; i++) {
		if (typed[i] == a->keys->keys[a->n_keys]) {
			a->detached = ++a->n_keys == a->keys->n;
			continue;
		}
		memcpy(buf + len, a->keys->keys, a->n_keys);
		len += a->n_keys;
		a->n_keys = typed[i] == a->keys->keys[0];
		if (!a->n_keys)
			buf[len++] = typed[i];
		a->detached = a->n_keys && a->keys->n == 1;
	}
	return len;
}

/* --- to the supervisor --- */

static int send_pending(struct attach *a)
{
	int r;

	if (!a->in_len)
		return 0;
	r = fd_send(a->sock.fd, &a->in, a->in_len, NULL, 0, MSG_DONTWAIT);
	if (r == -EAGAIN)
		return r;
	a->in_len = 0; /* EPIPE: the exit status is on its way */
	return 0;
}

static void stdin_close(struct attach *a)
{
	struct end *e = &a->ends[0];

	if (e->source.fd < 0)
		return;
	loop_remove(&a->loop, &e->source);
	fd_close(e->source.fd);
	e->source.fd = -1;
}

/*
 * Our terminal is gone: its window was closed, its connection lost. Pid 1 is told, whoever sends us
 * the signal or does not, and may be deaf to it; with nobody to type or to read we are done.
 */
static void hang_up(struct attach *a)
{
	if (a->hung_up)
		return;
	a->hung_up = true;
	if (a->init.pidfd >= 0)
		ignore_result(proc_signal(&a->init, SIGHUP)); /* ESRCH: ended */
	loop_quit(&a->loop, 0);
}

static void read_stdin(struct attach *a)
{
	char typed[4096];
	bool filter = (a->flags & ATTACH_TTY) && a->keys && a->keys->n;
	ssize_t n;

	do
		n = read(a->ends[0].source.fd, filter ? typed : a->in.data,
			 filter ? sizeof(typed) : sizeof(a->in.data));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		/* In raw mode no key makes an end of file. */
		if ((a->flags & ATTACH_TTY) && tty_is_gone())
			hang_up(a);
		stdin_close(a);
		return;
	}
	a->in.head = (struct superctl_head){ .type = SUPERCTL_STDIN };
	if (filter)
		n = (ssize_t)filter_keys(a, a->in.data, typed, (size_t)n);
	a->in_len = n ? sizeof(a->in.head) + (size_t)n : 0;
}

/* A bounded number of rounds: signals and output have their turn. */
static int pump_stdin(struct attach *a)
{
	for (int i = 0; i < 8; i++) {
		if (send_pending(a) == -EAGAIN || a->ends[0].source.fd < 0 || a->detached)
			break;
		read_stdin(a);
		if (!a->in_len || a->ends[0].wait == STDFD_SMALL)
			break;
	}
	ignore_result(send_pending(a)); /* EAGAIN: armed for */
	if ((a->flags & ATTACH_STDIN) && a->ends[0].source.fd < 0 && !a->in_len && !a->eof_sent) {
		a->in.head = (struct superctl_head){ .type = SUPERCTL_STDIN_EOF };
		a->in_len = sizeof(a->in.head);
		a->eof_sent = true;
		ignore_result(send_pending(a)); /* as above */
	}
	if (a->detached)
		loop_quit(&a->loop, 0);
	return arm(a); /* not where the loop is to end */
}

static int on_stdin(struct loop *loop, struct loop_source *source, uint32_t events)
{
	(void)loop;
	(void)events;
	return pump_stdin(source->data);
}

static int send_size(struct attach *a)
{
	struct superctl_head head = { .type = SUPERCTL_RESIZE };
	unsigned short rows, cols;

	tty_size(&rows, &cols);
	if (!rows || !cols)
		return 0;
	head.value = (uint32_t)rows << 16 | cols;
	return fd_send(a->sock.fd, &head, sizeof(head), NULL, 0, MSG_DONTWAIT);
}

static int on_signal(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct attach *a = source->data;
	int sig;

	(void)loop;
	(void)events;
	while ((sig = signals_read(source->fd)) > 0) {
		if (sig == SIGWINCH)
			ignore_result(send_size(a)); /* full: the next change tells */
		else if (sig == SIGHUP && (a->flags & ATTACH_TTY) && tty_is_gone())
			hang_up(a);
		else if (a->init.pidfd >= 0)
			ignore_result(proc_signal(&a->init, sig)); /* ESRCH: ended */
	}
	return 0;
}

/* --- from the supervisor --- */

static int write_pending(struct attach *a)
{
	while (a->out_len) { /* else the value need not be the number of an end */
		struct end *e = &a->ends[a->out.head.value];
		ssize_t n;

		if (e->source.fd < 0) { /* our reader is gone: the rest goes nowhere */
			a->out_len = 0;
			break;
		}
		n = relay_write(e->source.fd, e->wait, a->out.data + a->out_off, a->out_len);
		if (n == -EAGAIN)
			return -EAGAIN;
		if (n < 0) {
			if (!a->error)
				a->error = (int)n;
			if ((a->flags & ATTACH_TTY) && tty_is_gone())
				hang_up(a);
			/* `... | head -1`: the log has the rest, and nobody waits for it. */
			if (n == -EPIPE && e == &a->ends[1]) {
				a->unread = true;
				loop_quit(&a->loop, 0);
			}
			loop_remove(&a->loop, &e->source);
			fd_close(e->source.fd);
			e->source.fd = -1;
			continue;
		}
		a->out_off += (size_t)n;
		a->out_len -= (size_t)n;
	}
	return 0;
}

static int take_message(struct attach *a, size_t n)
{
	uint32_t value = a->out.head.value;

	if (n < sizeof(a->out.head))
		return -EPROTO;
	switch (a->out.head.type) {
	case SUPERCTL_OUTPUT:
		if (value != 1 && value != 2)
			return -EPROTO;
		a->out_off = 0;
		a->out_len = n - sizeof(a->out.head);
		return 0;
	case SUPERCTL_LOST:
		log_warn(DCODE_NONE, "%u bytes of output were skipped: this end reads too slowly",
			 value);
		return 0;
	case SUPERCTL_EXIT:
		a->status = (int)(value & 0xff);
		a->ended = true;
		loop_quit(&a->loop, 0);
		return 0;
	default:
		return -EPROTO;
	}
}

/* What was taken is written in the same round: nothing would tell us later that a file, which
 * cannot be polled, has room for it. */
static int pump_output(struct attach *a)
{
	int wait = write_pending(a);

	for (int i = 0; i < 8 && wait == 0 && !a->loop.quit; i++) {
		ssize_t n;
		int r;

		n = fd_recv(a->sock.fd, &a->out, sizeof(a->out), NULL, NULL, MSG_DONTWAIT);
		if (n == -EAGAIN)
			break;
		/* The supervisor left with a message of ours unread. The kernel says so before it
		 * hands out what is queued for us, and it says so once. */
		if (n == -ECONNRESET)
			continue;
		if (n <= 0) { /* ended without a word: the state tells what there is to tell */
			loop_quit(&a->loop, 0);
			return 0;
		}
		r = take_message(a, (size_t)n);
		if (r < 0)
			return r;
		wait = write_pending(a);
	}
	return arm(a);
}

static int on_output(struct loop *loop, struct loop_source *source, uint32_t events)
{
	(void)loop;
	(void)events;
	return pump_output(source->data);
}

static int on_sock(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct attach *a = source->data;
	int r = 0;

	(void)loop;
	if (events & EPOLLOUT)
		r = pump_stdin(a);
	if (r == 0 && (events & ~(uint32_t)EPOLLOUT))
		r = pump_output(a);
	return r;
}

/* Wait for exactly what can go on. */
static int arm(struct attach *a)
{
	struct end *in = &a->ends[0], *out = &a->ends[a->out_len ? a->out.head.value : 1];
	bool always = in->source.fd >= 0 && in->wait == STDFD_ALWAYS;
	uint32_t sock = (a->out_len ? 0 : EPOLLIN) | (a->in_len || always ? EPOLLOUT : 0);
	int r;

	if (a->loop.quit)
		return 0;
	r = loop_set(&a->loop, &a->sock, sock);
	if (r == 0 && in->source.fd >= 0 && !always)
		r = loop_set(&a->loop, &in->source, a->in_len ? 0 : EPOLLIN);
	for (int i = 1; r == 0 && i < 3; i++)
		if (a->ends[i].source.fd >= 0 && a->ends[i].wait != STDFD_ALWAYS)
			r = loop_set(&a->loop, &a->ends[i].source,
				     a->out_len && out == &a->ends[i] ? EPOLLOUT : 0);
	return r;
}

/* --- start and end --- */

static int open_ends(struct attach *a, struct error *err)
{
	for (int i = 0; i < 3; i++) {
		struct end *e = &a->ends[i];

		e->source = (struct loop_source){
			.fd = -1,
			.handler = i ? on_output : on_stdin,
			.data = a,
		};
		if (i == 0 && !(a->flags & ATTACH_STDIN))
			continue;
		e->source.fd = stdfd_open(i, i > 0, &e->wait, err);
		if (e->source.fd < 0)
			return e->source.fd;
	}
	return 0;
}

static int attach_open(struct attach *a, int sock, const struct container *c, struct error *err)
{
	int r, fd;

	r = open_ends(a, err);
	if (r < 0)
		return r;
	a->init.pidfd = proc_open_recorded(c->state.pid, c->state.start_time);
	if (a->init.pidfd < 0 && a->init.pidfd != -ESRCH)
		return error_code(err, a->init.pidfd, "find pid 1 of container %s", c->name);
	r = loop_init(&a->loop);
	if (r < 0)
		return error_code(err, r, "make an event loop");
	fd = signals_open(1);
	if (fd < 0)
		return error_code(err, fd, "make a signalfd");
	a->signals = (struct loop_source){ .fd = fd, .handler = on_signal, .data = a };
	a->sock = (struct loop_source){ .fd = sock, .handler = on_sock, .data = a };
	r = loop_set(&a->loop, &a->signals, EPOLLIN);
	if (r == 0)
		r = arm(a);
	return r < 0 ? error_code(err, r, "set up the event loop") : 0;
}

static void attach_close(struct attach *a)
{
	for (int i = 0; i < 3; i++)
		fd_close(a->ends[i].source.fd);
	fd_close(a->signals.fd);
	fd_close(a->init.pidfd);
	loop_done(&a->loop);
}

/* The supervisor has closed the connection, and why is in the state alone. */
static int closed(const struct container *c, int *ret_status, struct error *err)
{
	struct container_state st;
	int r;

	r = container_read_state(c->dirfd, &st);
	if (r == 0 && st.status == CONTAINER_EXITED) {
		*ret_status = st.exit_code;
		return 0;
	}
	if (r < 0 || !proc_recorded_lives(st.supervisor, st.supervisor_start))
		return error_set(err, -ECONNRESET,
				 "the supervisor of container %.12s ended unexpectedly", c->id);
	error_set(err, -EBUSY, "too many others are attached to container %.12s", c->id);
	error_hint(err,
		   "`carrel logs -f` shows its output without a connection, `carrel exec` runs "
		   "another command in it");
	return -EBUSY;
}

static int status_of(const struct attach *a, const struct container *c, int *ret_status,
		     struct error *err)
{
	if (!a->ended && (a->detached || a->hung_up || a->unread)) {
		*ret_status = a->hung_up ? 128 + SIGHUP : a->unread ? 128 + SIGPIPE : 0;
		if (a->unread && !a->hung_up)
			log_warn(
				DCODE_NONE,
				"nobody reads the output of container %.12s here any more: it goes on "
				"without this command",
				c->id);
		return 1;
	}
	if (!a->ended)
		return closed(c, ret_status, err);
	*ret_status = a->status;
	return 0;
}

int attach_run(int sock, const struct container *c, enum attach_flags flags,
	       const struct detach_keys *keys, int *ret_status, struct error *err)
{
	struct attach *a =
		xcalloc(1, sizeof(*a)); /* no initializer: it would be made on the stack */
	_cleanup_(tty_restore) struct tty tty = { .fd = -1 };
	int r;

	a->flags = flags;
	a->keys = keys;
	a->loop.epoll_fd = a->signals.fd = a->init.pidfd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(a->ends); i++)
		a->ends[i].source.fd = -1;
	r = attach_open(a, sock, c, err);
	if (r == 0 && (flags & ATTACH_TTY)) {
		if (flags & ATTACH_STDIN)
			r = tty_raw(&tty, STDIN_FILENO);
		if (r < 0)
			error_code(err, r, "set up the terminal");
		ignore_result(send_size(a)); /* the supervisor is gone: the loop sees it */
	}
	if (r == 0) {
		r = loop_run(&a->loop);
		if (r < 0)
			error_code(err, r, "attach to container %.12s", c->id);
	}
	if (r == 0 && a->error && a->error != -EPIPE && !a->hung_up)
		r = error_code(err, a->error, "write the container's output");
	if (r == 0)
		r = status_of(a, c, ret_status, err);
	attach_close(a);
	free(a);
	return r;
}

void attach_socket_name(const char *id, char buf[ID_LEN + 8])
{
	ignore_result(str_print(buf, ID_LEN + 8, "%s.sock", id)); /* an id has ID_LEN digits */
}

/* The proof of HELLO: a descriptor that no process of a container can open (superctl.h), and that
 * must not get into the hands of one. */
static int say_hello(int sock, enum attach_flags flags, struct error *err)
{
	_cleanup_(fd_closep) int ns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	struct superctl_head head = {
		.type = SUPERCTL_HELLO,
		.value = (uint32_t)SUPERCTL_VERSION << 16 |
			 (flags & ATTACH_WAIT ? 0 : SUPERCTL_WANT_OUTPUT) |
			 (flags & ATTACH_STDIN ? SUPERCTL_WANT_STDIN : 0),
	};
	int r;

	if (ns < 0)
		return error_sys(err, "open /proc/self/ns/user");
	r = fd_send(sock, &head, sizeof(head), &ns, 1, 0);
	/* It has closed already; whoever reads from it hears why. */
	if (r == -EPIPE || r == -ECONNRESET)
		r = 0;
	return r < 0 ? error_code(err, r, "greet the supervisor") : 0;
}

int attach_connect(struct store *s, const struct container *c, enum attach_flags flags,
		   struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_(fd_closep) int sock = -1;
	char name[ID_LEN + 8];
	int r;

	attach_socket_name(c->id, name);
	/* By descriptor: the path of a runtime directory may be longer than sun_path. */
	r = str_print(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", s->runtime_fd,
		      name);
	if (r < 0)
		return error_code(err, r, "name the socket of container %.12s", c->id);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return error_sys(err, "make a socket");
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		r = -errno;
		if (r != -ENOENT && r != -ECONNREFUSED)
			return error_code(err, r, "connect to container %.12s", c->id);
		/* Without its socket the one way into a supervisor is gone; what has a log has one.
		 */
		if (faccessat(c->dirfd, "log", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			error_set(err, -ENOENT, "the attach socket of container %.12s is not in %s",
				  c->id, s->runtime_path);
			error_hint(err, "a logout may have emptied that directory; `logs -f` and "
					"`exec` work, and `stop` and `start` make it anew");
			return -ENOENT;
		}
		error_set(err, -ENOENT, "container %.12s belongs to a foreground `run --rm`",
			  c->id);
		error_hint(err, "its terminal is where it was started; `exec` runs another "
				"command in it");
		return -ENOENT;
	}
	if (!proc_recorded_listens(sock, c->state.supervisor, c->state.supervisor_start)) {
		error_set(err, -EPERM,
			  "another process than the supervisor listens on the attach socket of "
			  "container %.12s",
			  c->id);
		error_hint(err,
			   "something has replaced it in %s, or the container was started by an "
			   "older carrel; `stop` and `start` make it anew",
			   s->runtime_path);
		return -EPERM;
	}
	r = say_hello(sock, flags, err);
	return r < 0 ? r : TAKE_FD(sock);
}
