/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/mountopt.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "cli/cli.h"

/* Words after the last colon. `set` and `clear` are enum ctr_mount_flags. */
struct mount_word {
	const char *word;
	unsigned set, clear;
	bool bind, tmpfs;
};

static const struct mount_word words[] = {
	{ "ro", CTR_MOUNT_RO, 0, true, true },
	{ "rw", 0, CTR_MOUNT_RO, true, true },
	{ "noexec", CTR_MOUNT_NOEXEC, 0, true, true },
	{ "exec", 0, CTR_MOUNT_NOEXEC, true, true },
	{ "nosuid", CTR_MOUNT_NOSUID, 0, true, true },
	{ "suid", 0, CTR_MOUNT_NOSUID, true, true },
	{ "nodev", CTR_MOUNT_NODEV, 0, true, true },
	{ "dev", 0, CTR_MOUNT_NODEV, true, true },
	/* What is done anyway: binds are recursive and private. */
	{ "rbind", 0, 0, true, false },
	{ "private", 0, 0, true, false },
	{ "rprivate", 0, 0, true, false },
};

/* -ENOENT: not such a word; -EINVAL: of a bind, as docker, the opposite of one before. */
static int apply_word(const char *s, enum ctr_mount_kind kind, unsigned *flags, unsigned *told)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct mount_word *w = &words[i];

		if (!str_eq(s, w->word) || !(kind == CTR_MOUNT_BIND ? w->bind : w->tmpfs))
			continue;
		if (kind == CTR_MOUNT_BIND && ((*told & ~*flags & w->set) | (*flags & w->clear)))
			return -EINVAL;
		*flags = (*flags & ~w->clear) | w->set;
		*told |= w->set | w->clear;
		return 0;
	}
	return -ENOENT;
}

static int refuse_word(const char *s, struct error *err)
{
	static const char *const propagation[] = { "shared", "rshared",	   "slave",
						   "rslave", "unbindable", "runbindable" };

	for (size_t i = 0; i < ARRAY_SIZE(propagation); i++)
		if (str_eq(s, propagation[i])) {
			error_set(err, -EOPNOTSUPP, "mount propagation '%s' is not supported", s);
			error_hint(err,
				   "mounts are private: what is mounted on the host later does "
				   "not appear inside, nor the other way round");
			return -EOPNOTSUPP;
		}
	error_set(err, -EINVAL, "option '%s' is not known", s);
	error_hint(err, "known: ro, rw, noexec, nosuid, nodev");
	return -EINVAL;
}

/* SELinux relabelling has nothing to do on a host without SELinux; with it, it is not done. */
static bool is_idle_label(const char *s)
{
	return (str_eq(s, "z") || str_eq(s, "Z")) && access("/sys/fs/selinux/enforce", F_OK) < 0;
}

static int tmpfs_value(const char *s, struct str_buf *out, struct error *err)
{
	uint64_t size;
	uint32_t mode;
	int r = -EINVAL;

	if (str_starts(s, "size="))
		r = num_size(s + 5, &size);
	else if (str_starts(s, "mode="))
		r = num_mode(s + 5, &mode);
	if (r < 0) {
		error_set(err, -EINVAL, "option '%s' is not known", s);
		error_hint(err, "known: size=64m, mode=1777, ro, rw, exec, noexec, suid, nosuid, "
				"dev, nodev");
		return -EINVAL;
	}
	if (out->len)
		str_buf_addc(out, ',');
	if (s[0] == 's')
		str_buf_addf(out, "size=%llu", (unsigned long long)size);
	else
		str_buf_addf(out, "mode=%o", mode);
	return 0;
}

/* Comma-separated words; tmpfs values are gathered in `out`. */
static int parse_words(const char *s, enum ctr_mount_kind kind, unsigned *flags,
		       struct str_buf *out, struct error *err)
{
	unsigned told = 0;

	while (*s) {
		size_t n = strcspn(s, ",");
		_cleanup_(freep) char *word = xstrndup(s, n);
		int r = apply_word(word, kind, flags, &told);

		if (r == -EINVAL)
			return error_set(err, r, "option '%s' is the opposite of one before", word);
		if (r < 0 && kind == CTR_MOUNT_TMPFS)
			r = tmpfs_value(word, out, err);
		else if (r < 0 && is_idle_label(word))
			r = 0;
		else if (r < 0)
			r = refuse_word(word, err);
		if (r < 0)
			return r;
		s += n + (s[n] == ',');
	}
	return 0;
}

static int set_target(const char *s, size_t n, char **ret, struct error *err)
{
	_cleanup_(freep) char *raw = xstrndup(s, n);
	char path[PATH_MAX];
	int r;

	if (!path_is_absolute(raw))
		return error_set(err, -EINVAL, "'%s' is not an absolute path in the container",
				 raw);
	r = path_normalize(raw, path, sizeof(path));
	if (r < 0)
		return error_code(err, r, "path '%s'", raw);
	if (str_eq(path, "/"))
		return error_set(err, -EINVAL, "nothing can be mounted on / of the container");
	*ret = xstrdup(path);
	return 0;
}

static int set_source(const char *s, size_t n, char **ret, struct error *err)
{
	_cleanup_(freep) char *raw = xstrndup(s, n);
	char path[PATH_MAX];

	if (!strchr(raw, '/') && !str_eq(raw, ".") && !str_eq(raw, "..")) {
		error_set(err, -EOPNOTSUPP, "named volumes ('%s') come with a later version", raw);
		error_hint(err, "mount a directory: -v ./%s:/path", raw);
		return -EOPNOTSUPP;
	}
	if (!realpath(raw, path)) {
		if (error_sys(err, "source %s", raw) == -ENOENT)
			error_hint(err, "make it first: mkdir -p %s", raw);
		cli_hint_access(err);
		return err ? err->code : -ENOENT;
	}
	*ret = xstrdup(path);
	return 0;
}

int mountopt_volume(const char *s, struct ctrconf *rec, struct error *err)
{
	struct ctrconf_mount m = { .kind = CTR_MOUNT_BIND };
	const char *target = strchr(s, ':'), *rest;
	unsigned flags = 0;
	int r;

	if (!*s || target == s) {
		error_set(err, -EINVAL, "no source is given");
		error_hint(err, "-v /host/path:/path, or ./relative:/path");
		return -EINVAL;
	}
	if (!target) {
		error_set(err, -EOPNOTSUPP, "anonymous volumes come with a later version");
		error_hint(err, "--tmpfs %s gives scratch space; -v /host/path:%s keeps data", s,
			   s);
		return -EOPNOTSUPP;
	}
	target++;
	rest = target + strcspn(target, ":");
	r = parse_words(*rest ? rest + 1 : rest, m.kind, &flags, NULL, err);
	if (r == 0)
		r = set_source(s, (size_t)(target - 1 - s), &m.source, err);
	if (r == 0)
		r = set_target(target, (size_t)(rest - target), &m.target, err);
	m.flags = (enum ctr_mount_flags)flags;
	m.options = xstrdup("");
	ctrconf_add_mount(rec, &m); /* the record owns what there is, in every case */
	return r;
}

int mountopt_tmpfs(const char *s, struct ctrconf *rec, struct error *err)
{
	/* docker's defaults for tmpfs */
	unsigned flags = CTR_MOUNT_NOEXEC | CTR_MOUNT_NOSUID | CTR_MOUNT_NODEV;
	struct ctrconf_mount m = { .kind = CTR_MOUNT_TMPFS };
	_cleanup_(str_buf_done) struct str_buf opts;
	size_t n = strcspn(s, ":");
	int r;

	str_buf_init(&opts, 1024);
	r = parse_words(s[n] ? s + n + 1 : "", m.kind, &flags, &opts, err);
	if (r == 0)
		r = set_target(s, n, &m.target, err);
	m.flags = (enum ctr_mount_flags)flags;
	m.source = xstrdup("");
	m.options = str_buf_take(&opts);
	ctrconf_add_mount(rec, &m);
	return r;
}

int mountopt_check(const struct ctrconf *rec, struct error *err)
{
	for (size_t i = 0; i < rec->n_mounts; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(rec->mounts[i].target, rec->mounts[k].target))
				return error_set(err, -EINVAL, "two mounts on %s",
						 rec->mounts[i].target);
	return 0;
}
