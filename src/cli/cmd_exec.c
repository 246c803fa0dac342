/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/ctrcmd.h"
#include "cli/enforce.h"
#include "cli/request.h"
#include "cli/session.h"
#include "cli/tty.h"
#include "runtime/cgroup.h"
#include "runtime/ctr.h"

struct exec_options {
	bool interactive, tty;
	const char *user, *workdir;
	struct strv env;
};

#define O(field) offsetof(struct exec_options, field)

static const struct opt options[] = {
	{ "interactive", 'i', OPT_FLAG, O(interactive), NULL, "keep standard input open" },
	{ "tty", 't', OPT_FLAG, O(tty), NULL, "give the command a terminal" },
	{ "env", 'e', OPT_LIST, O(env), "NAME[=VALUE]",
	  "set a variable; NAME alone takes your value" },
	{ "user", 'u', OPT_STRING, O(user), "USER[:GROUP]",
	  "name or id in the container to run as" },
	{ "workdir", 'w', OPT_STRING, O(workdir), "PATH", "working directory" },
	{ NULL },
};

static int make_env(const struct exec_options *o, const struct container *c,
		    const struct ctrconf *rec, struct strv *ret, struct error *err)
{
	strv_copy(ret, rec->env.v);
	if (!strv_env_get(ret, "HOSTNAME")) {
		if (*rec->hostname)
			strv_addf(ret, "HOSTNAME=%s", rec->hostname);
		else
			strv_addf(ret, "HOSTNAME=%.*s", ID_SHORT_LEN, c->id);
	}
	if (o->tty && !strv_env_get(ret, "TERM"))
		strv_add(ret, "TERM=xterm");
	return request_env(NULL, &o->env, ret, err);
}

struct place {
	struct cli *cli;
	const struct container *c;
};

/* Only where the kernel lets us not start a process there: see ctr_exec(). */
static int place(pid_t pid, void *data, struct error *err)
{
	const struct place *p = data;
	struct error why = { 0 };
	int libexec = proc_open_libexec(err), r;

	if (libexec < 0)
		return libexec;
	r = cgroup_attach(p->c->state.cgroup, p->c->id, libexec, pid, &why);
	fd_close(libexec);
	if (r == 0)
		return 0;
	if (p->cli->strict) {
		error_set(err, r, "put the command below the container's limits: %s", why.text);
		error_host(err, DCODE_NO_CGROUP);
		return r;
	}
	log_warn(DCODE_NO_CGROUP, "the command runs outside of the container's limits: %s",
		 why.text);
	return 0;
}

/* -1 where the container has none. */
static int open_cgroup(const struct container *c, int *ret, struct error *err)
{
	*ret = -1;
	if (!c->state.cgroup[0])
		return 0;
	*ret = cgroup_open(c->state.cgroup, c->id);
	return *ret < 0 ? error_code(err, *ret, "open the cgroup of container %s", c->name) : 0;
}

/* The record has no code where nothing was answered to its root. */
static enum dcode why_one_id(const struct container *c, const struct ctrconf *rec)
{
	if (rec->here)
		return DCODE_NONE;
	return c->state.one_id != DCODE_NONE ? c->state.one_id : DCODE_NO_SUBID;
}

/*
 * What fails in one that is just ending fails in many ways: namespaces that cannot be joined
 * (EPERM, ESRCH) or have no pid 1 any more (ENOMEM), maps and a cgroup that are gone.
 */
static int tell_end(const struct container *c, int r, struct error *err)
{
	if (!err || err->exit_status ||
	    (proc_recorded_lives(c->state.pid, c->state.start_time) &&
	     !proc_is_ending(c->state.pid)))
		return r;
	error_code(err, -ESRCH, "join container %s", c->name);
	error_hint(err, "it has just ended");
	return -ESRCH;
}

static int exec_in(struct cli *cli, struct container *c, const struct exec_options *o,
		   const struct ctrconf *rec, char **command, struct error *err)
{
	_cleanup_(strv_done) struct strv env = { 0 };
	bool has_user = o->user && *o->user;
	struct ctr_exec req = {
		.pid = c->state.pid,
		.argv = command,
		.user = has_user ? o->user : rec->user,
		.cwd = o->workdir && *o->workdir ? o->workdir : rec->cwd,
		.flags = (o->tty ? CTR_TTY : 0) | (rec->no_new_privs ? CTR_NO_NEW_PRIVS : 0) |
			 (rec->seccomp_off ? CTR_SECCOMP_OFF : 0) |
			 (rec->real_ids ? CTR_REAL_IDS : 0) | (has_user ? CTR_USER_ASKED : 0),
		.one_id = why_one_id(c, rec),
		.caps = rec->caps,
		.place = place,
		.place_data = &(struct place){ cli, c },
	};
	_cleanup_(fd_closep) int pidfd = ctrcmd_open_init(c, err), cgroup = -1;
	struct enforce limits = ENFORCE_NONE;
	struct proc proc;
	struct session s;
	int r, pty = -1;

	if (pidfd < 0)
		return pidfd;
	r = open_cgroup(c, &cgroup, err);
	if (r == 0)
		r = make_env(o, c, rec, &env, err);
	if (r == 0)
		r = enforce_exec(&limits, rec, c->dirfd, err);
	if (r < 0)
		return tell_end(c, r, err);
	req.tune = limits.fallback.tune;
	req.rlimits = limits.rlimits;
	req.n_rlimits = limits.n_rlimits;
	req.cgroup_fd = cgroup;
	req.pidfd = pidfd;
	req.envp = env.v;
	r = session_open(&s, (o->interactive ? SESSION_STDIN : 0) | (o->tty ? SESSION_TTY : 0),
			 err);
	if (r == 0) {
		if (o->tty)
			tty_size(&req.tty_rows, &req.tty_cols);
		for (int i = 0; i < 3; i++)
			req.stdio[i] = s.child_fds[i];
		r = ctr_exec(&req, &proc, &pty, err);
		if (r < 0)
			r = tell_end(c, r, err);
	}
	if (r == 0) {
		if (tune_session_is_lost(&req.tune, proc.pid))
			log_warn(DCODE_NONE, "--cpu-shares does not hold for the command: the "
					     "kernel did not take the nice value of its session");
		r = session_run(&s, &proc, pty, err);
		proc_done(&proc);
	}
	session_close(&s);
	return r;
}

static int exec_named(struct cli *cli, const struct exec_options *o, char **args, struct error *err)
{
	_cleanup_(ctrconf_done) struct ctrconf rec = { 0 };
	struct container c;
	int r;

	/* As in docker, an empty value is none. */
	if (o->workdir && *o->workdir && !path_is_absolute(o->workdir))
		return error_set(err, -EINVAL, "--workdir: '%s' is not an absolute path",
				 o->workdir);
	r = o->tty && o->interactive
		    ? tty_need_input("-i without -t reads from a pipe or a file", err)
		    : 0;
	if (r == 0)
		r = ctrcmd_find(cli, args[0], &c, err);
	if (r < 0)
		return r;
	r = ctrcmd_need_running(&c, err);
	if (r == 0)
		r = ctrcmd_need_unpaused(&c, "exec", err);
	if (r == 0)
		r = ctrcmd_record(&c, &rec, err);
	if (r == 0)
		r = exec_in(cli, &c, o, &rec, args + 1, err);
	container_done(&c);
	return r;
}

static int run(struct cli *cli, int argc, char **argv, struct error *err)
{
	static const struct cli_args want = { .min = 2, .max = -1, .flags = CLI_ARGS_STOP };
	struct exec_options o = { 0 };
	char **args;
	int r;

	r = cli_parse(cli, argc, argv, &want, &o, &args, NULL, err);
	if (r == 0)
		r = exec_named(cli, &o, args, err);
	else if (r > 0)
		r = 0;
	strv_done(&o.env);
	return r;
}

const struct command cmd_exec = {
	.name = "exec",
	.group = GROUP_CONTAINER,
	.summary = "run another command in a running container",
	.usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.options = options,
	.run = run,
};
