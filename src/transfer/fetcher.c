/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/fetcher.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "registry/authfile.h"
#include "transfer/box.h"
#include "transfer/confine.h"
#include "transfer/decode.h"
#include "transfer/intake.h"
#include "transfer/layout.h"

struct fetcher;

/* One layer under way: its thread waits for a job, does it and tells the coordinator. */
struct worker {
	struct fetcher *fetcher;
	unsigned slot;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	bool busy;
	struct wire_ask job;
	struct intake *intake;
	struct registry_blob blob;
	bool fetching; /* blob is started; the network thread's alone */
};

struct fetcher {
	struct fetcher_start *start;
	struct registry *registry;
	struct worker workers[WIRE_SLOTS];
	_Atomic uint64_t taken; /* bomb.h: of all layers */
	int open_result;	/* the registry client could not be made: every ask gets this */
	struct error open_err;
};

/*
 * Threads, memory, the control socket and the end.
 * #syscalls:fetch sendto recvfrom recvmsg sendmsg clone clone3 set_robust_list rseq sched_yield
 * #syscalls:fetch mmap munmap mremap mprotect madvise brk membarrier getpid gettid tgkill exit
 * #syscalls:fetch exit_group rt_sigprocmask rt_sigaction rt_sigreturn sigaltstack restart_syscall
 * #syscalls:fetch prctl sched_getaffinity sysinfo prlimit64 clock_gettime clock_nanosleep nanosleep
 * #syscalls:fetch gettimeofday getrandom
 */
static void tell(struct fetcher *f, const struct wire_tell *t)
{
	/* A coordinator that is gone takes us with it. */
	ignore_result(send(f->start->control, t, sizeof(*t), MSG_NOSIGNAL));
}

static void tell_end(struct fetcher *f, const struct wire_ask *ask, int result,
		     const struct error *err)
{
	struct wire_tell t = { .op = ask->op, .slot = ask->slot, .result = result };

	if (err)
		t.err = *err;
	if (t.result < 0 && !t.err.code)
		t.err.code = t.result;
	tell(f, &t);
}

static int peek_intake(void *data, size_t min, const uint8_t **ret, size_t *ret_n,
		       struct error *err)
{
	struct worker *w = data;

	return intake_peek(w->intake, min, ret, ret_n, err);
}

static void drop_intake(void *data, size_t n)
{
	struct worker *w = data;

	if (intake_drop(w->intake, n))
		registry_wake(w->fetcher->registry);
}

static int run_job(struct worker *w, struct error *err)
{
	struct wire_slot *slot = &w->fetcher->start->wire->slots[w->slot];
	_Atomic uint64_t *taken = &w->fetcher->taken;
	struct decode_input input = { .peek = peek_intake, .drop = drop_intake, .data = w };
	struct layout_blob blob;
	int r;

	if (w->fetcher->start->layout_fd < 0)
		return decode_layer(&input, &w->job.digest, w->job.size, slot, taken, err);
	r = layout_blob_open(w->fetcher->start->layout_fd, &w->job.digest, w->job.size, &blob, err);
	if (r < 0)
		return r;
	input = (struct decode_input){ layout_blob_peek, layout_blob_drop, &blob };
	r = decode_layer(&input, &w->job.digest, w->job.size, slot, taken, err);
	layout_blob_done(&blob);
	return r;
}

static void *worker_main(void *data)
{
	struct worker *w = data;

	for (;;) {
		struct error err = { 0 };
		int r;

		pthread_mutex_lock(&w->lock);
		while (!w->busy)
			pthread_cond_wait(&w->work, &w->lock);
		pthread_mutex_unlock(&w->lock);
		r = run_job(w, &err);
		pthread_mutex_lock(&w->lock);
		w->busy = false;
		pthread_mutex_unlock(&w->lock);
		tell_end(w->fetcher, &w->job, r, &err);
	}
	return NULL;
}

static int start_workers(struct fetcher *f)
{
	for (unsigned i = 0; i < WIRE_SLOTS; i++) {
		struct worker *w = &f->workers[i];

		w->fetcher = f;
		w->slot = i;
		pthread_mutex_init(&w->lock, NULL); /* cannot fail on Linux */
		pthread_cond_init(&w->work, NULL);
		if (f->start->layout_fd < 0)
			w->intake = intake_new();
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			return -EAGAIN;
	}
	return 0;
}

static int blob_sink(void *data, const void *p, size_t n)
{
	struct worker *w = data;

	return intake_put(w->intake, p, n) ? 0 : REGISTRY_PAUSE;
}

static int start_layer(struct fetcher *f, const struct wire_ask *ask, struct error *err)
{
	struct worker *w;
	int r;

	if (ask->slot >= WIRE_SLOTS)
		return error_set(err, -EINVAL, "no such slot");
	w = &f->workers[ask->slot];
	w->job = *ask;
	if (w->intake) {
		intake_reset(w->intake);
		w->blob = (struct registry_blob){
			.digest = ask->digest,
			.size = ask->size,
			.sink = blob_sink,
			.data = w,
		};
		r = registry_blob_start(f->registry, &w->blob, err);
		if (r < 0)
			return r;
		w->fetching = true;
	}
	pthread_mutex_lock(&w->lock);
	w->busy = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static void move_layers(struct fetcher *f)
{
	for (unsigned i = 0; i < WIRE_SLOTS; i++) {
		struct worker *w = &f->workers[i];

		if (!w->fetching)
			continue;
		if (intake_wants_more(w->intake))
			registry_blob_resume(&w->blob);
		if (registry_blob_poll(&w->blob)) {
			intake_end(w->intake, w->blob.result, &w->blob.err);
			registry_blob_stop(f->registry, &w->blob);
			w->fetching = false;
		}
	}
}

static void get_doc(struct fetcher *f, const struct wire_ask *ask)
{
	struct wire_tell t = { .op = ask->op };
	struct registry_doc doc = { 0 };
	int dir = f->start->layout_fd;

	if (ask->op == WIRE_GET_MANIFEST)
		t.result = dir >= 0 ? layout_get_manifest(dir, ask->name, &doc, &t.err)
				    : registry_get_manifest(f->registry, ask->name, &doc, &t.err);
	else
		t.result = dir >= 0 ? layout_get_blob(dir, &ask->digest, ask->size,
						      MANIFEST_SIZE_MAX, &doc, &t.err)
				    : registry_get_blob(f->registry, &ask->digest, ask->size,
							MANIFEST_SIZE_MAX, &doc, &t.err);
	if (t.result == 0) {
		memcpy(f->start->wire->doc, doc.text, doc.len);
		memcpy(t.content_type, doc.content_type, sizeof(t.content_type));
		t.len = doc.len;
	}
	free(doc.text);
	tell(f, &t);
}

static void answer(struct fetcher *f, const struct wire_ask *ask)
{
	struct error err = { 0 };
	int r;

	if (f->open_result < 0) {
		tell_end(f, ask, f->open_result, &f->open_err);
		return;
	}
	if (ask->op != WIRE_GET_LAYER) {
		get_doc(f, ask);
		return;
	}
	r = start_layer(f, ask, &err);
	if (r < 0)
		tell_end(f, ask, r, &err);
}

/* false: the coordinator is gone. */
static bool take_asks(struct fetcher *f, int flags)
{
	for (;;) {
		struct wire_ask ask;
		ssize_t n = recv(f->start->control, &ask, sizeof(ask), flags);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(ask))
			return false;
		answer(f, &ask);
	}
}

static void run_registry(struct fetcher *f)
{
	struct error err;

	while (take_asks(f, MSG_DONTWAIT)) {
		if (registry_step(f->registry, f->start->control, &err) < 0)
			return;
		move_layers(f);
	}
}

static void open_registry(struct fetcher *f)
{
	struct registry_options options = { .tls = f->start->tls };
	_cleanup_(freep) char *auth = NULL;

	if (f->start->auth_fd >= 0) {
		f->open_result = fd_read_to_end(f->start->auth_fd, AUTHFILE_SIZE_MAX, &auth,
						&options.auth_len);
		fd_close(f->start->auth_fd);
		if (f->open_result < 0) {
			if (f->open_result == -EFBIG)
				error_set(&f->open_err, -EFBIG, "larger than %d bytes",
					  AUTHFILE_SIZE_MAX);
			else
				error_code(&f->open_err, f->open_result, "read it");
			registry_blame_auth(f->start->auth_path, &f->open_err);
			return;
		}
	}
	options.auth_json = auth;
	options.auth_path = f->start->auth_path;
	f->open_result = registry_open(&f->start->ref, &options, &f->registry, &f->open_err);
	if (auth)
		explicit_bzero(auth, options.auth_len);
}

int fetcher_main(void *data)
{
	struct fetcher_start *start = data;
	struct fetcher f = { .start = start };
	int keep[] = { start->control, start->auth_fd, start->layout_fd };

	/* The terminal's signals are the coordinator's business: it ends us. */
	(void)setpgid(0, 0); /* cannot fail for a fresh child */
	if (proc_close_fds(keep, ARRAY_SIZE(keep)) < 0)
		return 1;
	f.open_result = box_enter(&f.open_err);
	/* Not dumpable: credentials will be in this memory, and others share our user id. The wish
	 * to end with the parent comes after the change of credentials, which clears it. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    getppid() != start->parent)
		return 1;
	if (f.open_result == 0 && start->layout_fd < 0)
		open_registry(&f);
	if (f.open_result == 0)
		f.open_result = confine_fetcher(start->layout, &start->layout_fd, &f.open_err);
	if (f.open_result == 0 && start_workers(&f) < 0)
		f.open_result = error_set(&f.open_err, -EAGAIN, "start the worker threads");
	if (start->layout_fd >= 0 || f.open_result < 0)
		(void)take_asks(&f, 0); /* false is the only way out */
	else
		run_registry(&f);
	return 0;
}
