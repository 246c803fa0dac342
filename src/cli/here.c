/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/here.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/account.h"
#include "base/dirs.h"
#include "base/log.h"
#include "base/path.h"
#include "runtime/idmap.h"

enum {
	NAME_LEN_MAX = 255,
};

/* Where the image's own files are: what the caller has there must not lie over them. */
static const struct {
	const char *dir;
	bool below; /* or only the directory itself */
} image_places[] = {
	{ "/bin", true },      { "/boot", true },   { "/dev", true },	{ "/etc", true },
	{ "/lib", true },      { "/lib32", true },  { "/lib64", true }, { "/libx32", true },
	{ "/proc", true },     { "/sbin", true },   { "/sys", true },	{ "/usr", true },
	{ "/home", false },    { "/media", false }, { "/mnt", false },	{ "/opt", false },
	{ "/run", false },     { "/root", false },  { "/srv", false },	{ "/var", false },
	{ "/var/lib", false },
};

/* What batch systems, MPI, proxies and terminals say to programs. An image's own variables stay,
 * and everything else of the host's environment stays outside (PYTHONPATH, LD_LIBRARY_PATH). */
static const char *const passed[] = {
	"SLURM_*",    "PMI_*",	     "PMIX_*",	  "OMPI_*",    "CUDA_VISIBLE_DEVICES",
	"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
	"TERM",	      "LANG",
};

static bool is_at_or_below(const char *path, const char *dir, bool below)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || (below && path[n] == '/'));
}

static bool is_image_place(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(image_places); i++)
		if (is_at_or_below(path, image_places[i].dir, image_places[i].below))
			return true;
	return str_eq(path, "/");
}

static bool is_target(const struct ctrconf *rec, const char *path)
{
	for (size_t i = 0; i < rec->n_mounts; i++)
		if (str_eq(rec->mounts[i].target, path))
			return true;
	return false;
}

/* Seen already, at its own path, through another bind? */
static bool is_shown(const struct ctrconf *rec, const char *path)
{
	for (size_t i = 0; i < rec->n_mounts; i++) {
		const struct ctrconf_mount *m = &rec->mounts[i];

		if (m->kind == CTR_MOUNT_BIND && str_eq(m->source, m->target) &&
		    is_at_or_below(path, m->target, true))
			return true;
	}
	return false;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* At the path that it has outside. What the user mounts there by himself is there instead. */
static bool share(struct ctrconf *rec, const char *path)
{
	struct ctrconf_mount m = { .kind = CTR_MOUNT_BIND };
	char target[PATH_MAX];

	if (path_normalize(path, target, sizeof(target)) < 0 || is_image_place(target))
		return false;
	if (is_target(rec, target) || is_shown(rec, target))
		return true;
	m.source = is_dir(target) ? realpath(target, NULL) : NULL;
	if (!m.source)
		return false;
	m.target = xstrdup(target);
	m.options = xstrdup("");
	ctrconf_add_mount(rec, &m);
	return true;
}

static int not_shared(const struct here_asked *o, const char *what, const char *path,
		      const char *instead, struct error *err)
{
	if (o->strict)
		return error_set(err, -EINVAL, "--here: %s %s cannot be had inside", what, path);
	log_warn(DCODE_NONE, "%s %s cannot be had inside: it is %s", what, path, instead);
	return 0;
}

static int share_places(const struct here_asked *o, struct ctrconf *rec, struct error *err)
{
	_cleanup_(freep) char *home = dirs_home(NULL);
	char cwd[PATH_MAX];
	int r = 0;

	if (home && !str_eq(home, "/") && !share(rec, home)) {
		r = not_shared(o, "the home directory", home, "/", err);
		free(TAKE_PTR(home));
	}
	rec->here_home = home ? TAKE_PTR(home) : xstrdup("/");
	if (r < 0)
		return r;
	if (o->workdir) {
		rec->cwd = xstrdup(o->workdir);
	} else if (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/') {
		rec->cwd = xstrdup(rec->here_home);
		return not_shared(o, "the working directory", "(removed, or out of sight)",
				  rec->cwd, err);
	} else if (str_eq(cwd, "/") || share(rec, cwd)) {
		rec->cwd = xstrdup(cwd);
	} else {
		rec->cwd = xstrdup(rec->here_home);
		return not_shared(o, "the working directory", cwd, rec->cwd, err);
	}
	return 0;
}

static int check(const struct here_asked *o, struct error *err)
{
	if (o->user) {
		error_set(err, -EINVAL, "--here is to be yourself, -u somebody else");
		return -EINVAL;
	}
	if (o->caps)
		return error_set(err, -EINVAL, "--here gives no capability: --cap-add does not go");
	if (getuid() != 0 && !secure_getenv(IDMAP_MAPPER_ENV))
		return 0;
	error_set(err, -EPERM, "--here: root cannot be itself inside, host id 0 is never mapped");
	error_hint(err, "call it as an ordinary user (su - USER), or leave --here away");
	error_host(err, DCODE_ROOT_SUBID);
	return -EPERM;
}

int here_options(const struct here_asked *o, struct ctrconf *rec, struct error *err)
{
	char name[HOST_NAME_MAX + 1];
	int r = check(o, err);

	if (r < 0)
		return r;
	rec->here = true;
	rec->caps = 0;
	rec->no_new_privs = true;
	/* The terminal's ^C ends a program that does not expect to be pid 1. */
	rec->init = true;
	if (!o->network)
		rec->net = NET_HOST;
	/* Programs of one job find each other by it. */
	if (!o->hostname && rec->net == NET_HOST && gethostname(name, sizeof(name)) == 0) {
		free(rec->hostname);
		rec->hostname = xstrdup(name);
	}
	return share_places(o, rec, err);
}

static bool is_passed(const char *variable)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		size_t n = strlen(passed[i]);

		if (passed[i][n - 1] == '*'
			    ? strncmp(variable, passed[i], n - 1) == 0
			    : strncmp(variable, passed[i], n) == 0 && variable[n] == '=')
			return true;
	}
	return false;
}

/* A field of /etc/passwd; whatever a directory service calls its users. */
static bool is_name(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] == ':' || (unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return n > 0 && n <= NAME_LEN_MAX;
}

/* Owned by the caller. */
static char *user_name(uid_t uid)
{
	_cleanup_(account_done) struct account a = { 0 };
	const char *env = secure_getenv("USER");

	if (account_get(uid, &a) == 0 && is_name(a.name))
		return TAKE_PTR(a.name);
	return xstrdup(env && is_name(env) ? env : "user");
}

static char *group_name(gid_t gid)
{
	_cleanup_(freep) char *name = NULL;

	if (account_group(gid, &name) == 0 && is_name(name))
		return TAKE_PTR(name);
	return xstrdup("user");
}

void here_env(const struct ctrconf *rec, struct strv *env)
{
	_cleanup_(freep) char *name = user_name(getuid());
	_cleanup_(freep) char *user = xasprintf("USER=%s", name);
	_cleanup_(freep) char *logname = xasprintf("LOGNAME=%s", name);
	_cleanup_(freep) char *home = xasprintf("HOME=%s", rec->here_home);

	for (char **e = environ; *e; e++)
		if (is_passed(*e))
			strv_env_set(env, *e);
	strv_env_set(env, user);
	strv_env_set(env, logname);
	strv_env_set(env, home);
	/* ~/.local of the host has packages for the host's Python. */
	if (!str_eq(rec->here_home, "/"))
		strv_env_set(env, "PYTHONNOUSERSITE=1");
}

void here_who(const struct ctrconf *rec, const struct idmap *map, struct here_lines *lines,
	      struct ctr_here *ret)
{
	const char *home = is_name(rec->here_home) ? rec->here_home : "/";
	_cleanup_(freep) char *name = user_name(map->uid0);
	_cleanup_(freep) char *group = group_name(map->gid0);
	mode_t mask = umask(0);

	(void)umask(mask);
	lines->home = xstrdup(rec->here_home);
	lines->passwd = xasprintf("%s:x:%u:%u::%s:/bin/sh\n", name, map->uid0, map->gid0, home);
	lines->group = xasprintf("%s:x:%u:\n", group, map->gid0);
	*ret = (struct ctr_here){
		.uid = map->uid0,
		.gid = map->gid0,
		.passwd = lines->passwd,
		.group = lines->group,
		.home = lines->home,
		.umask = mask,
	};
}

void here_lines_done(struct here_lines *lines)
{
	free(TAKE_PTR(lines->passwd));
	free(TAKE_PTR(lines->group));
	free(TAKE_PTR(lines->home));
}
