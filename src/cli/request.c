/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/request.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"
#include "base/path.h"
#include "cli/envfile.h"
#include "cli/here.h"
#include "cli/mountopt.h"

#define O(field) offsetof(struct run_options, field)

const struct opt run_option_table[] = {
	{ "interactive", 'i', OPT_FLAG, O(interactive), NULL, "keep standard input open" },
	{ "tty", 't', OPT_FLAG, O(tty), NULL, "give the command a terminal" },
	{ "env", 'e', OPT_LIST, O(env), "NAME[=VALUE]",
	  "set a variable; NAME alone takes your value" },
	{ "env-file", 0, OPT_LIST, O(env_file), "FILE", "set the variables of a file" },
	{ "volume", 'v', OPT_LIST, O(volume), "SRC:DST[:ro]",
	  "mount a file or directory of the host; options: ro, rw, noexec, nosuid, nodev" },
	{ "workdir", 'w', OPT_STRING, O(workdir), "PATH", "working directory" },
	{ "here", 0, OPT_FLAG, O(here), NULL,
	  "as yourself: your user, groups, home, working directory and network" },
	{ "user", 'u', OPT_STRING, O(user), "USER[:GROUP]",
	  "name or id in the container to run as" },
	{ "rm", 0, OPT_FLAG, O(remove), NULL, "remove the container when it ends" },
	{ "name", 0, OPT_STRING, O(name), "NAME", "name of the container" },
	{ "detach", 'd', OPT_FLAG, O(detach), NULL, "run in the background and print the id" },
	{ "network", 0, OPT_STRING, O(network), "MODE",
	  "none, private (default: own addresses, outbound only) or host" },
	{ "hostname", 'h', OPT_STRING, O(hostname), "NAME", "host name inside" },
	{ "entrypoint", 0, OPT_STRING, O(entrypoint), "PROGRAM",
	  "instead of the image's entrypoint; \"\" for none" },
	{ "read-only", 0, OPT_FLAG, O(read_only), NULL, "read-only root file system" },
	{ "tmpfs", 0, OPT_LIST, O(tmpfs), "PATH[:OPTIONS]",
	  "mount a tmpfs; options: size=, mode=, ro, exec, suid, dev" },
	{ "cap-add", 0, OPT_LIST, O(cap_add), "CAP", "add a capability, or ALL" },
	{ "cap-drop", 0, OPT_LIST, O(cap_drop), "CAP", "drop a capability, or ALL" },
	{ "security-opt", 0, OPT_LIST, O(security_opt), "OPTION",
	  "no-new-privileges, seccomp=unconfined, real-ids" },
	{ "init", 0, OPT_FLAG, O(init), NULL, "a small init as pid 1 that reaps and forwards" },
	{ "label", 'l', OPT_LIST, O(label), "NAME[=VALUE]", "set a label" },
	{ "pull", 0, OPT_STRING, O(pull), "WHEN", "always, missing (default) or never" },
	{ "platform", 0, OPT_STRING, O(platform), "OS/ARCH", "choose among an image's platforms" },
	{ "strict", 0, OPT_FLAG, O(strict), NULL,
	  "fail where something asked for cannot be honoured" },
	LIMIT_OPTION_ROWS(struct run_options, limits),
	LIMIT_OPTION_ROWS_FIXED(struct run_options, limits),
	{ "publish", 'p', OPT_REFUSED, 0, "PORTS",
	  "publishing ports comes later; --network host shares the host's ports",
	  .takes_value = true },
	{ NULL },
};

void run_options_done(struct run_options *o)
{
	strv_done(&o->env);
	strv_done(&o->env_file);
	strv_done(&o->volume);
	strv_done(&o->tmpfs);
	strv_done(&o->cap_add);
	strv_done(&o->cap_drop);
	strv_done(&o->security_opt);
	strv_done(&o->label);
	limit_options_done(&o->limits);
}

/* --entrypoint is not among them: there it means none. */
void run_options_forget_empty(struct run_options *o)
{
	const char **const values[] = { &o->workdir,  &o->user, &o->name,    &o->network,
					&o->hostname, &o->pull, &o->platform };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (*values[i] && !**values[i])
			*values[i] = NULL;
}

/* The or of all, or the whole set for ALL. */
static int parse_caps(const struct strv *names, const char *option, uint64_t *ret,
		      struct error *err)
{
	for (size_t i = 0; i < names->n; i++) {
		uint64_t mask;
		int r = caps_parse(names->v[i], &mask, err);

		if (r < 0) {
			error_prefix(err, "--%s", option);
			return r;
		}
		*ret |= mask;
	}
	return 0;
}

static bool names_all(const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcasecmp(names->v[i], "all") == 0)
			return true;
	return false;
}

/* docker's order: ALL in one list makes the other one the exception. */
static int request_caps(const struct run_options *o, struct ctrconf *rec, struct error *err)
{
	uint64_t add = 0, drop = 0;
	int r;

	r = parse_caps(&o->cap_add, "cap-add", &add, err);
	if (r == 0)
		r = parse_caps(&o->cap_drop, "cap-drop", &drop, err);
	if (r < 0)
		return r;
	if (names_all(&o->cap_drop))
		rec->caps = names_all(&o->cap_add) ? 0 : add;
	else
		rec->caps = (caps_default | add) & ~drop;
	strv_copy(&rec->cap_add, o->cap_add.v);
	strv_copy(&rec->cap_drop, o->cap_drop.v);
	return 0;
}

static int request_security(const struct run_options *o, struct ctrconf *rec, struct error *err)
{
	for (size_t i = 0; i < o->security_opt.n; i++) {
		const char *s = o->security_opt.v[i];

		if (str_eq(s, "no-new-privileges") || str_eq(s, "no-new-privileges:true") ||
		    str_eq(s, "no-new-privileges=true")) {
			rec->no_new_privs = true;
		} else if (str_eq(s, "no-new-privileges:false") ||
			   str_eq(s, "no-new-privileges=false")) {
			rec->no_new_privs = false;
		} else if (str_eq(s, "seccomp=unconfined") || str_eq(s, "seccomp:unconfined")) {
			rec->seccomp_off = true;
		} else if (str_eq(s, "real-ids") || str_eq(s, "real-ids=true")) {
			rec->real_ids = true;
		} else if (str_eq(s, "real-ids=false")) {
			rec->real_ids = false;
		} else {
			error_set(err, -EOPNOTSUPP, "--security-opt %s is not supported", s);
			error_hint(err, "this version has no-new-privileges, real-ids and "
					"seccomp=unconfined");
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static int check_hostname(const char *s, struct error *err)
{
	size_t n = strlen(s);
	bool ok = n > 0 && n <= 63 && s[0] != '-' && s[0] != '.';

	for (size_t i = 0; ok && i < n; i++)
		ok = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		     (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '.' || s[i] == '_';
	if (ok)
		return 0;
	return error_set(err, -EINVAL,
			 "--hostname: '%s' is not a host name (letters, digits, -, ., at most 63)",
			 s);
}

static int request_flags(const struct run_options *o, struct error *err)
{
	static const char *const when[] = { "always", "missing", "never" };

	if (o->tty && o->interactive && o->detach)
		log_debug("run", "-it with -d: the terminal waits for `carrel attach`");
	if (!o->pull)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(when); i++)
		if (str_eq(o->pull, when[i]))
			return 0;
	return error_set(err, -EINVAL, "--pull is always, missing or never, not '%s'", o->pull);
}

static int request_mounts(const struct run_options *o, struct ctrconf *rec, struct error *err)
{
	for (size_t i = 0; i < o->volume.n; i++) {
		int r = mountopt_volume(o->volume.v[i], rec, err);

		if (r < 0) {
			error_prefix(err, "-v %s", o->volume.v[i]);
			return r;
		}
	}
	for (size_t i = 0; i < o->tmpfs.n; i++) {
		int r = mountopt_tmpfs(o->tmpfs.v[i], rec, err);

		if (r < 0) {
			error_prefix(err, "--tmpfs %s", o->tmpfs.v[i]);
			return r;
		}
	}
	return mountopt_check(rec, err);
}

static int request_labels(const struct run_options *o, struct ctrconf *rec, struct error *err)
{
	for (size_t i = 0; i < o->label.n; i++) {
		const char *s = o->label.v[i];
		_cleanup_(freep) char *with = strchr(s, '=') ? NULL : xasprintf("%s=", s);

		if (!*s || *s == '=')
			return error_set(err, -EINVAL, "--label needs a name");
		strv_env_set(&rec->labels, with ? with : s);
	}
	return 0;
}

static int request_here(const struct run_options *o, struct ctrconf *rec, struct error *err)
{
	const struct here_asked asked = {
		.user = o->user,
		.workdir = o->workdir,
		.network = o->network,
		.hostname = o->hostname,
		.caps = o->cap_add.n > 0,
		.strict = o->strict,
	};

	return here_options(&asked, rec, err);
}

int request_options(const struct run_options *o, struct ctrconf *rec, struct error *err)
{
	int r;

	rec->tty = o->tty;
	rec->open_stdin = o->interactive;
	rec->remove = o->remove;
	rec->init = o->init;
	rec->read_only = o->read_only;
	r = request_flags(o, err);
	if (r == 0)
		r = net_mode_parse(o->network ? o->network : "private", &rec->net, err);
	if (r == 0 && o->hostname)
		r = check_hostname(o->hostname, err);
	if (r == 0)
		r = request_caps(o, rec, err);
	if (r == 0)
		r = request_security(o, rec, err);
	if (r == 0)
		r = request_labels(o, rec, err);
	if (r == 0)
		r = request_mounts(o, rec, err);
	if (r == 0)
		r = limitopt_parse(&o->limits, &rec->limits, err);
	if (r == 0)
		r = limitopt_parse_fixed(&o->limits, rec, err);
	if (r == 0)
		rec->hostname = xstrdup(o->hostname ? o->hostname : "");
	if (r == 0 && o->here)
		r = request_here(o, rec, err);
	return r;
}

int request_env(const struct strv *files, const struct strv *env, struct strv *ret,
		struct error *err)
{
	for (size_t i = 0; files && i < files->n; i++) {
		int r = envfile_read(files->v[i], ret, err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < env->n; i++) {
		int r = env_set(env->v[i], ret, err);

		if (r < 0) {
			error_prefix(err, "-e");
			return r;
		}
	}
	return 0;
}

static int merge_env(const struct run_options *o, const struct imgconfig *image,
		     struct ctrconf *rec, struct error *err)
{
	strv_add(&rec->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (o->tty)
		strv_add(&rec->env, "TERM=xterm");
	for (size_t i = 0; i < image->env.n; i++)
		strv_env_set(&rec->env, image->env.v[i]);
	if (rec->here)
		here_env(rec, &rec->env);
	return request_env(&o->env_file, &o->env, &rec->env, err);
}

static void merge_labels(const struct imgconfig *image, struct ctrconf *rec)
{
	struct strv labels = { 0 };

	for (size_t i = 0; i < image->labels.n; i++)
		strv_env_set(&labels, image->labels.v[i]);
	for (size_t i = 0; i < rec->labels.n; i++)
		strv_env_set(&labels, rec->labels.v[i]);
	strv_done(&rec->labels);
	rec->labels = labels;
}

/* docker's rule: a new entrypoint forgets the image's cmd, arguments replace the cmd. */
static void merge_command(const struct run_options *o, const struct imgconfig *image,
			  char *const *command, struct ctrconf *rec)
{
	if (o->entrypoint && *o->entrypoint)
		strv_add(&rec->entrypoint, o->entrypoint);
	else if (!o->entrypoint)
		strv_copy(&rec->entrypoint, image->entrypoint.v);
	if (*command)
		strv_copy(&rec->cmd, command);
	else if (!o->entrypoint)
		strv_copy(&rec->cmd, image->cmd.v);
}

int request_image(const struct run_options *o, const struct imgconfig *image, char *const *command,
		  struct ctrconf *rec, struct error *err)
{
	const char *cwd = o->workdir ? o->workdir : image->working_dir;
	const char *user = o->user ? o->user : image->user;
	const char *stop = image->stop_signal;
	int r, sig;

	if (o->workdir && !path_is_absolute(o->workdir))
		return error_set(err, -EINVAL, "--workdir: '%s' is not an absolute path",
				 o->workdir);
	if (cwd && *cwd && !path_is_absolute(cwd)) {
		error_set(err, -EINVAL,
			  "the image's working directory '%s' is not an absolute path", cwd);
		error_hint(err, "the image is at fault; -w PATH names another directory");
		return -EINVAL;
	}
	r = merge_env(o, image, rec, err);
	if (r < 0)
		return r;
	merge_labels(image, rec);
	merge_command(o, image, command, rec);
	if (rec->entrypoint.n + rec->cmd.n == 0) {
		error_set(err, -EINVAL, "no command given, and the image names none");
		error_hint(err, "usage: carrel run [OPTIONS] IMAGE COMMAND [ARG...]");
		return -EINVAL;
	}
	if (stop && *stop && signal_parse(stop, &sig, NULL) < 0) {
		if (o->strict)
			return error_set(err, -EINVAL, "the image's stop signal '%s' is not known",
					 stop);
		log_warn(DCODE_NONE, "the image's stop signal '%s' is not known, using SIGTERM",
			 stop);
		stop = NULL;
	}
	/* Volumes lie in the container itself; its program counts on the directories. */
	strv_copy(&rec->volumes, image->volumes.v);
	if (!rec->cwd)
		rec->cwd = xstrdup(cwd && *cwd ? cwd : "/");
	rec->user = xstrdup(user && !rec->here ? user : "");
	rec->user_asked = o->user != NULL;
	rec->stop_signal = xstrdup(stop && *stop ? stop : "SIGTERM");
	return 0;
}
