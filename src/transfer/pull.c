/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "storage/image.h"
#include "storage/layer.h"
#include "storage/sweep.h"
#include "transfer/fetcher.h"

static int on_tell(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct pull *p = source->data;
	struct wire_tell got, t;
	ssize_t n;

	(void)loop;
	(void)events; /* readable or closed: the read tells */
	n = recv(source->fd, &got, sizeof(got), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		loop_remove(loop, source);
		return 0; /* its end is told by fetcher_end */
	}
	if (wire_tell_take(&got, (size_t)n, &t) < 0)
		return error_set(&p->err, -EPROTO, "the network process told nonsense");
	if (t.op == WIRE_GET_LAYER)
		return pull_layer_fetched(p, &t, &p->err);
	p->tell = t;
	p->told = true;
	return 0;
}

static int on_fetcher_end(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct pull *p = source->data;
	int status = 0;

	(void)loop;
	(void)events;
	ignore_result(proc_wait(&p->fetcher, &status)); /* the status is for the message only */
	return error_set(&p->err, -EIO, "the network process ended with status %d", status);
}

static int on_signal(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct pull *p = source->data;
	struct signalfd_siginfo si;

	(void)loop;
	(void)events;
	if (read(source->fd, &si, sizeof(si)) != sizeof(si))
		return 0;
	error_set(&p->err, -EINTR, "interrupted: nothing of an unfinished layer is kept");
	error_exit(&p->err, 128 + (int)si.ssi_signo);
	return -EINTR;
}

static int on_tick(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct pull *p = source->data;
	uint64_t n;

	(void)loop;
	(void)events;
	ignore_result(read(source->fd, &n, sizeof(n))); /* only to make it unreadable */
	for (unsigned s = 0; s < WIRE_SLOTS; s++)
		if (p->slots[s])
			p->progress.rows[p->slots[s]->number].received =
				atomic_load(&p->wire->slots[s].received);
	progress_draw(&p->progress);
	return loop_timer_set(source->fd, PROGRESS_TICK_MS);
}

int pull_wait(struct pull *p, struct error *err)
{
	int r = loop_once(&p->loop, -1);

	if (r >= 0)
		return 0;
	if (p->err.code)
		*err = p->err;
	else
		error_code(err, r, "wait for the other processes");
	return r;
}

int pull_ask(struct pull *p, const struct wire_ask *ask, struct error *err)
{
	if (send(p->control.fd, ask, sizeof(*ask), MSG_NOSIGNAL) != sizeof(*ask))
		return error_sys(err, "ask the network process");
	return 0;
}

static int watch(struct pull *p, struct loop_source *s, int fd, loop_handler handler)
{
	*s = (struct loop_source){ .fd = fd, .handler = handler, .data = p };
	return fd < 0 ? fd : loop_set(&p->loop, s, EPOLLIN);
}

/* Those that end a pull. */
static sigset_t end_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	return set;
}

static int start_loop(struct pull *p, struct error *err)
{
	const sigset_t set = end_signals();
	int r;

	r = loop_init(&p->loop);
	if (r == 0)
		r = watch(p, &p->signals, loop_signalfd(&set), on_signal);
	if (r == 0 && p->options->progress == PROGRESS_TTY) {
		r = watch(p, &p->timer, loop_timerfd(), on_tick);
		if (r == 0)
			r = loop_timer_set(p->timer.fd, PROGRESS_TICK_MS);
	}
	return r < 0 ? error_code(err, r, "set up the event loop") : 0;
}

/* For errors. The caller opened it; what a helper gave has no place in the file system. */
static void name_auth(int fd, char ret[PATH_MAX])
{
	if (path_from_fd(fd, ret) < 0 || ret[0] != '/' || str_starts(ret, "/memfd:"))
		/* it fits */
		ignore_result(str_copy(ret, PATH_MAX, "of the credential helper"));
}

static int start_fetcher(struct pull *p, struct error *err)
{
	const struct pull_options *o = p->options;
	struct fetcher_start start;
	int fds[2], r;

	p->wire = mmap(NULL, sizeof(*p->wire), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (p->wire == MAP_FAILED) {
		p->wire = NULL;
		return error_sys(err, "map the rings");
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return error_sys(err, "make a socket pair");
	start = (struct fetcher_start){
		.wire = p->wire,
		.control = fds[1],
		.auth_fd = o->auth_fd,
		.layout_fd = o->layout_fd,
		.layout = o->layout,
		.parent = getpid(),
		.ref = o->ref,
		.tls = o->tls,
	};
	if (o->auth_fd >= 0)
		name_auth(o->auth_fd, start.auth_path);
	r = proc_clone(0, -1, fetcher_main, &start, &p->fetcher);
	fd_close(fds[1]);
	/* Credentials are the fetcher's alone from here on. */
	fd_close(o->auth_fd);
	if (r == 0)
		r = watch(p, &p->control, fds[0], on_tell);
	else
		fd_close(fds[0]);
	if (r == 0)
		r = watch(p, &p->fetcher_end, p->fetcher.pidfd, on_fetcher_end);
	return r < 0 ? error_code(err, r, "start the network process") : 0;
}

static int enter(struct pull *p, struct error *err)
{
	pid_t parent = getppid();
	int r, death_signal = 0;

	ignore_result(prctl(PR_GET_PDEATHSIG, &death_signal)); /* 0 where nobody asked for one */
	r = idmap_load(&p->map, err);
	if (r == 0)
		r = store_open(p->options->root, STORE_CREATE, &p->store, err);
	if (r == 0)
		r = userns_enter(&p->map, err);
	if (r < 0)
		return r;
	/* The change of credentials has cleared it: a killed `carrel pull` would go on without. */
	if (death_signal && (prctl(PR_SET_PDEATHSIG, death_signal) < 0 || getppid() != parent))
		return error_set(err, -ESRCH, "the command that asked has ended");
	/* The network is the fetcher's. Where the namespace is refused the unpackers' filters and
	 * missing capabilities still stand. */
	if (unshare(CLONE_NEWNET) < 0)
		log_debug("transfer", "no network namespace of its own: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_sys(err, "set PR_SET_DUMPABLE");
	r = store_sweep(p->store, err);
	if (r < 0)
		return r;
	store_make_room(p->store);
	return store_staging_new(p->store, p->staging_name, &p->staging_fd, &p->staging_lock, err);
}

static int publish(struct pull *p, struct error *err)
{
	struct pull_image *i = &p->image;
	const struct digest *index = digest_is_set(&i->index) ? &i->index : NULL;
	int r;

	r = store_blob_put(p->store, &i->config_doc.digest, i->config_doc.text, i->config_doc.len,
			   err);
	if (r == 0)
		r = store_blob_put(p->store, &i->manifest_doc.digest, i->manifest_doc.text,
				   i->manifest_doc.len, err);
	if (r == 0)
		r = image_publish(p->store, p->options->again ? NULL : &p->options->ref,
				  &i->manifest_doc.digest, &i->manifest, &i->config, index, err);
	return r;
}

/* One line for a whole pull. The true owners and modes are in the layers' records. */
static void warn_owners(const struct pull *p)
{
	unsigned long long n = p->squashed, less = p->setid_less;
	char files[64] = "", bits[80] = "";

	if (n)
		(void)snprintf(files, sizeof(files), ": %llu file%s of this image", n,
			       n == 1 ? "" : "s");
	if (less)
		(void)snprintf(bits, sizeof(bits), ", %llu of them without set-id bits", less);
	if (idmap_is_single(&p->map)) {
		if (p->map.why != DCODE_NONE && !p->options->ids_told)
			log_warn(p->map.why, "%s: " USERNS_SINGLE_TEXT "%s%s", p->map.why_text,
				 files, bits);
	} else if (n) {
		log_warn(idmap_count(&p->map) < IDMAP_COUNT ? DCODE_NO_SUBID : DCODE_NONE,
			 "files whose owners are beyond the %u ids of a container belong to its "
			 "last one: %llu of this image%s",
			 idmap_count(&p->map), n, bits);
	}
}

/* Where the place that failed has no better one: what came was not an image, or not the right. */
static void hint_at_image(const struct pull *p, struct error *err)
{
	const char *whose = p->options->layout_fd >= 0 ? "the layout" : "the registry";

	if (!err || err->hint[0])
		return;
	switch (err->code) {
	case -EBADMSG:
	case -ENODATA:
	case -EPROTO:
		error_hint(err,
			   "%s, or something on the way, gives other bytes than it should: nothing "
			   "of it is kept",
			   whose);
		break;
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EFBIG:
	case -ELOOP:
	case -ENAMETOOLONG:
	case -ERANGE:
		error_hint(err,
			   "%s has it like that, or is none: push the image again with a current "
			   "tool, or take another tag",
			   whose);
		break;
	default:
		break;
	}
}

static int run(struct pull *p, struct error *err)
{
	char name[REFERENCE_STR_MAX];
	int r;

	r = start_loop(p, err);
	if (r == 0)
		r = start_fetcher(p, err);
	if (r == 0)
		r = enter(p, err);
	if (r < 0)
		return r;
	progress_init(&p->progress, p->options->progress, 0);
	progress_say(&p->progress, "%s %s", p->options->layout_fd >= 0 ? "importing" : "pulling",
		     reference_format(&p->options->ref, name));
	r = pull_resolve(p, err);
	if (r == 0) {
		progress_done(&p->progress);
		r = pull_layers(p, err);
	}
	if (r < 0) {
		hint_at_image(p, err);
		return r;
	}
	warn_owners(p);
	return publish(p, err);
}

/* All of it, unless somebody waits for a container, or for our end: then as a container's end does.
 * The next removal or pull does the rest. */
static void empty_trash(struct store *s, bool all)
{
	_cleanup_(fd_closep) int fd = -1;
	struct error err = { 0 };
	const sigset_t set = end_signals();

	if (!store_has_trash(s))
		return;
	/* It may take long, and needs no care: nothing of ours is there any more. */
	if (all)
		(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	fd = openat(s->root_fd, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && store_empty_trash(fd, all ? 0 : STORE_TRASH_BUDGET_MS, &err) < 0)
		log_debug("transfer", "trash: %s", err.text);
}

/* Nothing that this command started or staged stays. */
static void end(struct pull *p, bool is_done)
{
	pull_layers_abort(p);
	proc_kill(&p->fetcher);
	if (p->store && p->staging_lock >= 0) {
		fd_close(p->staging_fd);
		store_staging_end(p->store, p->staging_name, p->staging_lock);
		empty_trash(p->store, is_done && !p->options->ids_told);
	}
	store_close(p->store);
	progress_done(&p->progress);
	pull_image_done(&p->image);
	fd_close(p->control.fd);
	fd_close(p->signals.fd);
	fd_close(p->timer.fd);
	loop_done(&p->loop);
	if (p->wire)
		ignore_result(munmap(p->wire, sizeof(*p->wire))); /* it is a mapping of ours */
}

int pull_run(const struct pull_options *options, struct digest *ret_id, struct error *err)
{
	struct pull p = {
		.options = options,
		.loop = { .epoll_fd = -1 },
		.control = { .fd = -1 },
		.signals = { .fd = -1 },
		.timer = { .fd = -1 },
		.fetcher = { .pidfd = -1 },
		.staging_fd = -1,
		.staging_lock = -1,
	};
	struct error later = { 0 };
	int r;

	r = run(&p, err);
	if (r == 0) {
		*ret_id = p.image.config_doc.digest;
		/* The image is there and usable: a disk that fails now is a warning. */
		if (layer_make_durable(p.store, &later) < 0)
			log_warn(DCODE_STORE_WRITE, "the new layers are not safe on disk yet: %s",
				 later.text);
	}
	end(&p, r == 0);
	return r;
}
