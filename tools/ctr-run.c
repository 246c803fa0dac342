/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/opt.h"
#include "base/str.h"
#include "runtime/ctr.h"
#include "runtime/userns.h"

/*
 * Developer's tool, not installed: a container of plain directories, without store and records.
 *	ctr-run [OPTIONS] STATE-DIR LAYER... -- COMMAND ARG...
 * LAYERs are bottom first; upper and work are made in STATE-DIR.
 */
struct request {
	bool tty, init, read_only, nnp, unconfined, host_net, is_volatile;
	const char *user, *cwd, *hide, *libexec, *cap;
	struct strv volumes, env;
};

static const struct opt options[] = {
	{ "tty", 't', OPT_FLAG, offsetof(struct request, tty), NULL, "a terminal", NULL, false },
	{ "init", 0, OPT_FLAG, offsetof(struct request, init), NULL, "our pid 1", NULL, false },
	{ "read-only", 0, OPT_FLAG, offsetof(struct request, read_only), NULL, "read-only root",
	  NULL, false },
	{ "nnp", 0, OPT_FLAG, offsetof(struct request, nnp), NULL, "no_new_privs", NULL, false },
	{ "unconfined", 0, OPT_FLAG, offsetof(struct request, unconfined), NULL, "no seccomp", NULL,
	  false },
	{ "host-net", 0, OPT_FLAG, offsetof(struct request, host_net), NULL, "the host's network",
	  NULL, false },
	{ "volatile", 0, OPT_FLAG, offsetof(struct request, is_volatile), NULL, "overlay volatile",
	  NULL, false },
	{ "user", 'u', OPT_STRING, offsetof(struct request, user), "USER", "who", NULL, false },
	{ "workdir", 'w', OPT_STRING, offsetof(struct request, cwd), "DIR", "where", NULL, false },
	{ "hide", 0, OPT_STRING, offsetof(struct request, hide), "DIR", "hidden path", NULL,
	  false },
	{ "cap-add", 0, OPT_STRING, offsetof(struct request, cap), "CAP", "capability", NULL,
	  false },
	{ "volume", 'v', OPT_LIST, offsetof(struct request, volumes), "SRC:DST[:ro]",
	  "bind, or tmpfs with an empty SRC", NULL, false },
	{ "env", 'e', OPT_LIST, offsetof(struct request, env), "N=V", "environment", NULL, false },
	{ NULL, 0, OPT_FLAG, 0, NULL, NULL, NULL, false },
};

enum {
	LAYERS_MAX = 512,
	MOUNTS_MAX = 16,
};

struct run {
	struct request req;
	struct ctr_spec spec;
	int lowers[LAYERS_MAX];
	struct ctr_hide hidden;
	struct ctr_mount mounts[MOUNTS_MAX];
};

static int open_dir(const char *path, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_sys(err, "open %s", path) : fd;
}

static int add_volume(struct run *r, char *text, struct error *err)
{
	struct ctr_mount *m = &r->mounts[r->spec.n_mounts];
	char *dst = strchr(text, ':'), *flags;

	if (!dst || r->spec.n_mounts == MOUNTS_MAX)
		return error_set(err, -1, "SRC:DST[:ro]");
	*dst++ = '\0';
	flags = strchr(dst, ':');
	if (flags)
		*flags++ = '\0';
	*m = (struct ctr_mount){ .target = dst, .source_fd = -1 };
	if (*text) {
		m->source = realpath(text, NULL);
		if (!m->source)
			return error_sys(err, "find %s", text);
		m->source_fd = open(m->source, O_PATH | O_CLOEXEC | O_NOFOLLOW);
		if (flags && str_eq(flags, "ro"))
			m->flags = CTR_MOUNT_RO;
	} else {
		m->kind = CTR_MOUNT_TMPFS;
		m->flags = CTR_MOUNT_NOSUID | CTR_MOUNT_NODEV | CTR_MOUNT_NOEXEC;
		m->options = flags;
	}
	r->spec.n_mounts++;
	return 0;
}

static int fill(struct run *r, char **args, struct error *err)
{
	struct ctr_spec *s = &r->spec;
	const struct request *q = &r->req;
	uint64_t more = 0;

	if (!args[0])
		return error_set(err, -1, "a state directory is needed");
	*s = (struct ctr_spec){
		.id = "ctr-run",
		.hostname = "box",
		.user = q->user ? q->user : "",
		.cwd = q->cwd,
		.net = q->host_net ? NET_HOST : NET_NONE,
		.flags = (q->tty ? CTR_TTY : 0) | (q->init ? CTR_INIT : 0) |
			 (q->read_only ? CTR_READ_ONLY : 0) | (q->nnp ? CTR_NO_NEW_PRIVS : 0) |
			 (q->unconfined ? CTR_SECCOMP_OFF : 0) |
			 (q->is_volatile ? CTR_VOLATILE : 0),
		.resolv_conf = "# none\n",
		.hosts = "127.0.0.1 localhost\n",
		.hostname_file = "box\n",
		.hidden = &r->hidden,
		.stdio = { 0, 1, 2 },
		.tty_rows = 24,
		.tty_cols = 80,
		.envp = q->env.v,
		.cgroup_fd = -1,
		.lower_fds = r->lowers,
		.mounts = r->mounts,
	};
	if (q->cap && caps_parse(q->cap, &more, err) < 0)
		return -1;
	s->caps = caps_default | more;
	if (q->hide) {
		r->hidden = (struct ctr_hide){ .path = xstrdup(q->hide) };
		r->hidden.fd = open_dir(q->hide, err);
		if (r->hidden.fd < 0)
			return r->hidden.fd;
		s->n_hidden = 1;
	}
	s->ctr_dirfd = open_dir(*args++, err);
	if (s->ctr_dirfd < 0)
		return s->ctr_dirfd;
	for (; *args && !str_eq(*args, "--") && s->n_lowers < LAYERS_MAX; args++) {
		r->lowers[s->n_lowers] = open_dir(*args, err);
		if (r->lowers[s->n_lowers++] < 0)
			return -1;
	}
	if (!*args || !args[1])
		return error_set(err, -1, "-- COMMAND is needed");
	s->argv = args + 1;
	for (size_t i = 0; i < q->volumes.n; i++)
		if (add_volume(r, q->volumes.v[i], err) < 0)
			return -1;
	return idmap_load(&s->map, err);
}

/* The terminal's output to ours, until the container has ended. */
static void copy_terminal(int master)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(master, buf, sizeof(buf))) > 0)
		if (fd_write_all(STDOUT_FILENO, buf, (size_t)n) < 0)
			return;
}

int main(int argc, char **argv)
{
	struct error err = { 0 };
	static struct run r;
	struct ctr c = { .init.pidfd = -1 };
	bool help = false;
	char **args = NULL;
	int status = EXIT_OURS, res;

	res = rootcaller_drop(&err);
	if (res == 0)
		res = opt_parse(options, argc, argv, OPT_STOP_AT_ARG, &r.req, &args, &help, &err);
	if (res == 0)
		res = fill(&r, args, &err);
	if (res == 0)
		res = userns_enter(&r.spec.map, &err);
	if (res == 0)
		res = ctr_create(&r.spec, &c, &err);
	if (res == 0)
		res = ctr_start(&c, &err);
	if (res < 0) {
		error_print(&err, stderr);
		return error_exit_status(&err);
	}
	if (c.pty_master >= 0)
		copy_terminal(c.pty_master);
	if (proc_wait(&c.init, &status) < 0)
		status = EXIT_OURS;
	ctr_done(&c);
	return status;
}
