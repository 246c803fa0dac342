/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/path.h"
#include "base/proc.h"
#include "cli/authfiles.h"
#include "oci/platform.h"
#include "oci/reference.h"

#define HELLO "localhost/hello" /* the image that comes with the program */

enum {
	AUTH_FD = 3,
};

/* Errors of transfer are told by transfer: an error without text ends us with its status. */
static int told(struct error *err)
{
	error_set(err, -EIO, "%s", "");
	return -EIO;
}

/* It cleans up when it is told to end, so we pass that on and wait for it. */
static int wait_passing_signals(struct proc *p, int *ret_status)
{
	struct pollfd fds[2] = { { .fd = p->pidfd, .events = POLLIN }, { .events = POLLIN } };
	sigset_t set, old;
	int r;

	(void)sigprocmask(SIG_BLOCK, NULL, &old);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	fds[1].fd = loop_signalfd(&set);
	while (fds[1].fd >= 0 && !(fds[0].revents & POLLIN)) {
		struct signalfd_siginfo si;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue; /* EINTR: stopped and continued */
		if (read(fds[1].fd, &si, sizeof(si)) == sizeof(si))
			ignore_result(proc_signal(p, (int)si.ssi_signo)); /* it may be gone */
	}
	r = proc_wait(p, ret_status);
	fd_close(fds[1].fd);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int run_transfer(const struct strv *argv, int auth_fd, enum fetch_flags flags,
			struct error *err)
{
	_cleanup_(fd_closep) int libexec = proc_open_libexec(err);
	_cleanup_(fd_closep) int null = -1;
	struct proc_fd fds[2];
	struct proc_spec spec = {
		.dirfd = libexec,
		.path = "transfer",
		.argv = argv->v,
		.fds = fds,
		.flags = PROC_PDEATHSIG,
	};
	struct proc p;
	int r, status;

	if (libexec < 0)
		return libexec;
	if (!(flags & FETCH_PRINT_ID)) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null < 0)
			return error_sys(err, "open /dev/null");
		fds[spec.n_fds++] = (struct proc_fd){ .from = null, .to = STDOUT_FILENO };
	}
	if (auth_fd >= 0)
		fds[spec.n_fds++] = (struct proc_fd){ .from = auth_fd, .to = AUTH_FD };
	r = proc_spawn(&spec, &p, err);
	if (r < 0)
		return r;
	log_debug("fetch", "transfer, pid %d, with%s credentials, does the rest", p.pid,
		  auth_fd >= 0 ? "" : "out");
	r = wait_passing_signals(&p, &status);
	proc_done(&p);
	if (r < 0)
		return error_code(err, r, "wait for transfer");
	if (status == 128 + SIGHUP || status == 128 + SIGINT || status == 128 + SIGTERM) {
		/* It cleans up, tells so and ends with this status by itself. */
		told(err);
		error_exit(err, status);
		return -EINTR;
	}
	if (status > 128) {
		error_set(err, -EINTR, "transfer was ended by signal %d", status - 128);
		error_hint(err, "somebody, or the kernel for want of memory, has killed it: pull "
				"again, the next command removes what it left");
		return -EINTR;
	}
	return status == 0 ? 0 : told(err);
}

static int find_login(const struct cli *cli, const char *reference, int *ret, struct error *err)
{
	bool mine = !cli->auth.is_roots; /* root's were opened before */
	struct authfiles files = cli->auth;
	int r;

	*ret = -1;
	if (!mine && !files.is_open)
		return 0; /* closed when the container was begun: nobody's */
	if (mine)
		authfiles_open(&files);
	r = authfiles_choose(&files, reference, mine, ret, err);
	if (mine)
		authfiles_close(&files);
	return r;
}

int fetch_pull(struct cli *cli, const struct fetch_request *req, struct error *err)
{
	_cleanup_(fd_closep) int auth = -1;
	_cleanup_(strv_done) struct strv argv = { 0 };
	struct store *s;
	int r;

	r = cli_store(cli, STORE_CREATE, &s, err);
	if (r < 0)
		return r;
	r = find_login(cli, req->reference, &auth, err);
	if (r < 0)
		return r;
	strv_add(&argv, "transfer");
	strv_add(&argv, "pull");
	strv_add(&argv, "--root");
	strv_add(&argv, s->path);
	strv_add(&argv, "--reference");
	strv_add(&argv, req->reference);
	if (req->platform) {
		strv_add(&argv, "--platform");
		strv_add(&argv, req->platform);
	}
	if (req->tls_verify)
		strv_addf(&argv, "--tls-verify=%s", req->tls_verify);
	if (auth >= 0) {
		strv_add(&argv, "--auth-fd");
		strv_addf(&argv, "%d", AUTH_FD);
	}
	if (req->flags & FETCH_QUIET)
		strv_add(&argv, "--quiet");
	if (req->flags & FETCH_AGAIN)
		strv_add(&argv, "--again");
	if (!(req->flags & FETCH_PRINT_ID)) /* a container is to follow, which tells it */
		strv_add(&argv, "--ids-told");
	return run_transfer(&argv, auth, req->flags, err);
}

/* PREFIX/libexec/carrel/hello beside PREFIX/bin/carrel, the same in a build tree. Not in share/:
 * PREFIX/share/carrel of ~/.local is the store. */
static char *hello_layout(void)
{
	static const char *const beside[] = { "../libexec/carrel/hello", "libexec/carrel/hello" };
	char own[PATH_MAX];

	if (proc_own_dir(own) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		_cleanup_(freep) char *dir = xasprintf("%s/%s", own, beside[i]);
		_cleanup_(freep) char *index = xasprintf("%s/index.json", dir);

		if (access(index, R_OK) == 0)
			return TAKE_PTR(dir);
	}
	return NULL;
}

static bool is_hello(const char *name)
{
	return str_eq(name, "hello") || str_eq(name, "hello:latest") || str_eq(name, HELLO) ||
	       str_eq(name, HELLO ":latest");
}

static int import_hello(struct cli *cli, const char *layout, const char *reference,
			enum fetch_flags flags, struct error *err)
{
	_cleanup_(strv_done) struct strv argv = { 0 };
	struct store *s;
	int r;

	r = cli_store(cli, STORE_CREATE, &s, err);
	if (r < 0)
		return r;
	strv_add(&argv, "transfer");
	strv_add(&argv, "import");
	strv_add(&argv, "--root");
	strv_add(&argv, s->path);
	strv_add(&argv, "--layout");
	strv_add(&argv, layout);
	strv_add(&argv, "--reference");
	strv_add(&argv, reference);
	strv_add(&argv, "--ids-told");
	if (flags & FETCH_AGAIN)
		strv_add(&argv, "--again");
	return run_transfer(&argv, -1, FETCH_QUIET, err);
}

/* Bring it into the store by whichever way there is. */
static int obtain(struct cli *cli, const char *name, const char *platform, struct error *err)
{
	_cleanup_(freep) char *layout = is_hello(name) ? hello_layout() : NULL;
	struct fetch_request req = { .platform = platform };
	char full[REFERENCE_STR_MAX];
	struct reference ref;
	int r;

	if (layout)
		return import_hello(cli, layout, HELLO ":latest", 0, err);
	r = reference_parse(name, &ref, err);
	if (r < 0)
		return r;
	req.reference = reference_format(&ref, full);
	return fetch_pull(cli, &req, err);
}

/* A 64-bit x86 kernel runs the 32-bit programs, too. Others need an emulator. */
static bool can_run(const struct platform *have)
{
	struct platform host;

	platform_host(&host);
	return platform_allows(&host, have) ||
	       (str_eq(host.arch, "amd64") && str_eq(have->arch, "386"));
}

static bool is_wanted(const struct image *i, const char *platform)
{
	struct platform want;

	return !platform ||
	       (platform_parse(platform, &want, NULL) == 0 && platform_allows(&want, &i->platform));
}

static int check_platform(const char *name, const char *platform, const struct image *i,
			  struct error *err)
{
	char have[100], want[100];
	struct platform host;

	if (!is_wanted(i, platform)) {
		error_set(err, -ENOENT, "image %s is for %s, not %s", name,
			  platform_format(&i->platform, have), platform);
		return -ENOENT;
	}
	if (platform || can_run(&i->platform))
		return 0; /* asked for by name: an emulator (binfmt_misc) may be there */
	platform_host(&host);
	error_set(err, -ENOEXEC, "image %s is for %s, this machine is %s", name,
		  platform_format(&i->platform, have), platform_format(&host, want));
	error_hint(err, "--platform %s --pull always fetches this machine's, if the image has it",
		   want);
	return -ENOEXEC;
}

static int find_local(struct cli *cli, const char *name, const char *platform, struct image *ret,
		      struct error *err)
{
	struct store *s;
	int r;

	r = cli_store(cli, STORE_CREATE, &s, err);
	if (r < 0)
		return r;
	r = image_find(s, name, ret, err);
	if (r < 0 || is_wanted(ret, platform))
		return r;
	image_done(ret);
	return error_set(err, -ENOENT, "image %s is not here for %s", name, platform);
}

int fetch_image(struct cli *cli, const char *name, const char *platform, enum fetch_when when,
		struct image *ret, struct error *err)
{
	char id[DIGEST_STR_MAX];
	struct image found;
	int r = -ENOENT;

	if (when != FETCH_ALWAYS) {
		r = find_local(cli, name, platform, &found, err);
		if (r < 0 && r != -ENOENT)
			return r;
		if (r < 0 && when == FETCH_NEVER) {
			error_hint(err, "`carrel pull %s` fetches it", name);
			return r;
		}
	}
	if (r < 0) {
		error_clear(err);
		log_debug("fetch", "%s: %s", name,
			  when == FETCH_ALWAYS ? "asking its registry" : "not in the store");
		r = obtain(cli, name, platform, err);
		if (r == 0)
			r = image_find(cli->store, name, &found, err);
		if (r < 0)
			return r;
	}
	r = check_platform(name, platform, &found, err);
	if (r < 0) {
		image_done(&found);
		return r;
	}
	log_debug("fetch", "%s is %s, %zu layers", name, digest_format(&found.config, id),
		  found.n_layers);
	*ret = found;
	return 0;
}

/* "NAME@sha256:..." of the image where it came from; -ENOENT: that is not known. */
static int find_source(const struct image *i, const char *name, bool beside,
		       char ret[REFERENCE_STR_MAX])
{
	struct reference asked, have;
	bool named = reference_parse(name, &asked, NULL) == 0, found = false;

	for (size_t k = 0; k < i->digests.n; k++) {
		bool same;

		if (reference_parse(i->digests.v[k], &have, NULL) < 0)
			continue;
		/* Imported from beside the program: no registry has that. */
		if (beside && str_eq(have.domain, "localhost") && str_eq(have.path, "hello"))
			continue;
		same = named && str_eq(asked.domain, have.domain) && str_eq(asked.path, have.path);
		if (found && !same)
			continue;
		have.digest = i->manifest; /* not of the index: that names other platforms, too */
		reference_format(&have, ret);
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static bool layout_has(const char *layout, const struct digest *manifest)
{
	_cleanup_(freep) char *path = xasprintf("%s/blobs/sha256/%s", layout, manifest->hex);

	return access(path, R_OK) == 0;
}

static int no_source(const char *name, const struct image *i, struct error *err)
{
	error_set(err, -ENOENT,
		  "image %s (%.12s) cannot be fetched again: no name of it says where "
		  "it came from",
		  name, i->config.hex);
	error_hint(err,
		   "a tag made here is no place to fetch from: `carrel pull` the image under "
		   "the name that its registry has it by; `carrel run --pull always hello` for "
		   "the one that comes with carrel");
	return -ENOENT;
}

static int again(struct cli *cli, const char *name, const struct image *i, struct error *err)
{
	_cleanup_(freep) char *layout = hello_layout();
	char source[REFERENCE_STR_MAX], platform[100];
	struct fetch_request req = { .reference = source, .flags = FETCH_AGAIN };

	if (layout && layout_has(layout, &i->manifest)) {
		ignore_result(str_print(source, sizeof(source), HELLO "@sha256:%s",
					i->manifest.hex)); /* it fits */
		return import_hello(cli, layout, source, FETCH_AGAIN, err);
	}
	if (find_source(i, name, layout, source) < 0)
		return no_source(name, i, err);
	if (i->platform.os[0] && i->platform.arch[0])
		req.platform = platform_format(&i->platform, platform);
	return fetch_pull(cli, &req, err);
}

int fetch_again(struct cli *cli, const char *name, const struct digest *manifest, struct error *err)
{
	struct image i;
	int r;

	r = imgrec_read(cli->store, manifest->hex, &i, err);
	if (r == -ENOENT)
		return error_set(err, r, "image %s was removed meanwhile", name);
	if (r < 0)
		return r;
	r = image_load_names(cli->store, &i, err);
	if (r == 0)
		r = again(cli, name, &i, err);
	image_done(&i);
	return r;
}
