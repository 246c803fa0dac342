/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "oci/digest.h"
#include "runtime/logout.h"
#include "runtime/oom.h"
#include "runtime/rootfs.h"
#include "storage/layer.h"
#include "storage/setid.h"
#include "storage/skeleton.h"
#include "storage/sweep.h"

enum {
	ETC_FILE_MAX = 64 << 10,
};

/*
 * By transfer: that is where SHA-256 is, and only root of the outer namespace sees all of a layer.
 * 1 good, 0 gone.
 */
static int verify_layer(struct launch *l, const char *hex, struct error *err)
{
	_cleanup_(strv_done) struct strv argv = { 0 };
	struct proc_spec spec = {
		.dirfd = l->libexec_fd,
		.path = "transfer",
		.flags = PROC_PDEATHSIG,
	};
	int status = 0, r;
	struct proc p;

	strv_add(&argv, "transfer");
	strv_add(&argv, "verify");
	strv_add(&argv, "--root");
	strv_add(&argv, l->store->path);
	strv_add(&argv, "--layer");
	strv_add(&argv, hex);
	spec.argv = argv.v;
	r = proc_spawn(&spec, &p, err);
	if (r < 0)
		return r;
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return error_code(err, r, "verify layer %.12s", hex);
	if (status != 0 && status != 1)
		return error_set(err, -EIO, "layer %.12s could not be verified after the crash",
				 hex);
	return status == 0;
}

/*
 * With a full map by the files, a layer that was unpacked for one id is right where newuidmap turns
 * out not to work: check_tier() decides when that is known. To --here layers are there to be read,
 * whoever owns them.
 */
static int check_owner(struct launch *l, const struct digest *d, struct error *err)
{
	struct owners owners, one;
	int r;

	if (l->rec->here)
		return 0;
	owners = idmap_owners(&l->map);
	one = owners_single(&owners);
	r = layer_check_owner(l->store, d, &owners, err);
	if (r == -ESTALE && !idmap_is_single(&l->map) &&
	    layer_check_owner(l->store, d, &one, NULL) == 0) {
		error_clear(err);
		l->n_single++;
		return 0;
	}
	if (r == -ESTALE)
		l->layer_lost = true;
	return r;
}

/* Inside U, where it is known how many ids there are. */
static int check_tier(struct launch *l, bool promised, struct error *err)
{
	bool single = idmap_is_single(&l->map);

	if (l->rec->here || !promised || l->n_single == (single ? l->n_layers : 0))
		return 0;
	l->layer_lost = true;
	error_set(err, -ESTALE, "layers of image %s were unpacked for %s", l->rec->image,
		  single ? "many ids, and there is one only" : "one id only");
	if (!single)
		error_hint(err, LAYER_PULL_HINT); /* the old files are the caller's */
	error_host(err, DCODE_SUBID_CHANGED);
	return -ESTALE;
}

static bool is_as_recorded(const struct container_state *st, const struct owners *o)
{
	return st->ids == 0 || owners_digest(o, st->ids) == st->ids_digest;
}

/* What it wrote itself nobody can fetch again. Told each time: the record keeps the old range. */
static int check_upper(const struct launch *l, struct error *err)
{
	struct owners o = idmap_owners(&l->map);
	struct error e = { 0 };

	if (is_as_recorded(&l->ctr->state, &o))
		return 0;
	error_set(
		&e, LAUNCH_UPPER_LOST,
		"container %.12s has run with ids that are not yours any more: files that it gave "
		"them are nobody's inside",
		l->ctr->id);
	error_hint(&e, "put the old range back into /etc/subuid and /etc/subgid");
	error_host(&e, DCODE_SUBID_CHANGED);
	if (l->strict) {
		if (err)
			*err = e;
		return LAUNCH_UPPER_LOST;
	}
	log_warn(e.dcode, "%s", e.text);
	return 0;
}

static void record_ids(const struct launch *l, struct container_state *st)
{
	struct owners o = idmap_owners(&l->map);

	if (!is_as_recorded(st, &o))
		return;
	st->ids = owners_count(&o);
	st->ids_digest = owners_digest(&o, st->ids);
}

static int open_layer(struct launch *l, const char *hex, int *ret, struct error *err)
{
	struct digest d;
	int r;

	r = digest_from_hex(hex, &d);
	if (r < 0)
		return error_code(err, r, "layer %s", hex);
	r = layer_check(l->store, &d, err);
	if (r == -EAGAIN) {
		error_clear(err);
		r = verify_layer(l, hex, err);
	}
	if (r == 0) {
		l->layer_lost = true;
		error_set(err, -ENOENT, "layer %.12s of image %s is not in the store", hex,
			  l->rec->image);
		error_hint(err, "`carrel pull %s` fetches it again", l->rec->image);
		return -ENOENT;
	}
	if (r > 0)
		r = check_owner(l, &d, err);
	if (r < 0)
		return r;
	*ret = layer_open_tree(l->store, &d, err);
	return *ret < 0 ? *ret : 0;
}

/*
 * Overlay refuses a directory that is given twice, and one place is enough: whatever a layer has,
 * file, whiteout or directory with what is in it, its topmost place has as well, which answers
 * before the lower one or ends the search. The lower one hides nothing that the upper does not.
 */
static void keep_topmost(const struct strv *layers, struct strv *ret)
{
	for (size_t i = 0; i < layers->n; i++) {
		size_t k = i + 1;

		while (k < layers->n && !str_eq(layers->v[k], layers->v[i]))
			k++;
		if (k == layers->n)
			strv_add(ret, layers->v[i]);
	}
}

static int open_layers(struct launch *l, struct error *err)
{
	_cleanup_(strv_done) struct strv layers = { 0 };
	int fd = -1;

	keep_topmost(&l->rec->layers, &layers);
	l->n_layers = (unsigned)layers.n;
	l->lower_fds = xcalloc(layers.n + 1, sizeof(*l->lower_fds));
	if (layers.n > 0 && layers.n < ROOTFS_LAYERS_MAX)
		fd = skeleton_open(l->store);
	if (fd >= 0)
		l->lower_fds[l->n_lowers++] = fd;
	for (size_t i = 0; i < layers.n; i++) {
		int r = open_layer(l, layers.v[i], &fd, err);

		if (r < 0)
			return r;
		l->lower_fds[l->n_lowers++] = fd;
	}
	return 0;
}

/* The record has the path to which the user's words led. A link that is found on it now was put
 * there later, perhaps by another container, and leads wherever that one likes. */
static int open_source(const struct ctrconf_mount *m, int *ret, struct error *err)
{
	char link[PATH_MAX];
	int fd = path_open_canonical(m->source, O_PATH);

	if (fd >= 0) {
		*ret = fd;
		return 0;
	}
	if (fd != -ELOOP || !path_first_link(m->source, link, sizeof(link))) {
		error_code(err, fd, "open %s, which is to be mounted on %s", m->source, m->target);
		cli_hint_access(err);
		return fd;
	}
	error_set(err, fd, "%s, which is to be mounted on %s, is not what it was: %s is a link now",
		  m->source, m->target, link);
	error_hint(err, "a container mounts what it was made with; put the directory back, or make "
			"the container anew to have the link followed");
	return fd;
}

static int open_mounts(struct launch *l, struct error *err)
{
	size_t n = l->rec->n_mounts;
	int r;

	l->mounts = xcalloc(n + 1, sizeof(*l->mounts));
	for (size_t i = 0; i < n; i++)
		l->mounts[i].source_fd = -1;
	for (size_t i = 0; i < n; i++) {
		const struct ctrconf_mount *m = &l->rec->mounts[i];

		l->mounts[i] = (struct ctr_mount){
			.kind = m->kind,
			.flags = m->flags,
			.source_fd = -1,
			.source = m->source,
			.target = m->target,
			.options = *m->options ? m->options : NULL,
		};
		if (m->kind != CTR_MOUNT_BIND)
			continue;
		r = open_source(m, &l->mounts[i].source_fd, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One path twice is one directory. */
static void add_hidden(struct launch *l, const char *path, int fd, bool is_runtime)
{
	for (unsigned i = 0; i < l->n_hidden; i++)
		if (fd < 0 && str_eq(l->hidden[i].path, path))
			return;
	l->hidden[l->n_hidden++] = (struct ctr_hide){
		.path = xstrdup(path),
		.fd = fd,
		.is_runtime = is_runtime,
	};
}

/* Those in use, by descriptor. */
static int open_own(struct launch *l, struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	int fd = fd_dup(l->store->root_fd);

	if (fd < 0)
		return error_code(err, fd, "duplicate");
	add_hidden(l, l->store->path, fd, false);
	fd = dirs_open_runtime(&path, err);
	if (fd < 0)
		return fd;
	add_hidden(l, path, fd, true);
	return 0;
}

/* What no bind may show: the store and the runtime directory of this command, and of others that
 * the user calls without --root, or in another session. */
static int open_hidden(struct launch *l, struct error *err)
{
	_cleanup_(strv_done) struct strv stores = { 0 }, runtimes = { 0 };
	bool any = false;
	int r;

	for (size_t i = 0; i < l->rec->n_mounts; i++)
		any |= l->rec->mounts[i].kind == CTR_MOUNT_BIND;
	if (!any)
		return 0;
	dirs_env_store(&stores);
	if (!rootcaller_dirs(&stores, &runtimes))
		dirs_home_stores(&stores);
	dirs_runtimes(&runtimes);
	l->hidden = xcalloc(2 + stores.n + runtimes.n, sizeof(*l->hidden));
	r = open_own(l, err);
	for (size_t i = 0; i < stores.n && r == 0; i++)
		add_hidden(l, stores.v[i], -1, false);
	for (size_t i = 0; i < runtimes.n && r == 0; i++)
		add_hidden(l, runtimes.v[i], -1, true);
	return r;
}

static void make_files(struct launch *l)
{
	struct str_buf b;
	bool private_net = l->rec->net == NET_PRIVATE;

	str_buf_init(&b, ETC_FILE_MAX);
	if (l->rec->net != NET_NONE) {
		net_resolv_conf(private_net, &b);
		l->resolv_conf = str_buf_take(&b);
	} else {
		l->resolv_conf = xstrdup("");
	}
	net_hosts(l->hostname, private_net, &b);
	l->hosts = str_buf_take(&b);
	l->hostname_file = xasprintf("%s\n", l->hostname);
}

static void make_words(struct launch *l)
{
	const struct ctrconf *rec = l->rec;

	strv_copy(&l->argv, rec->entrypoint.v);
	strv_copy(&l->argv, rec->cmd.v);
	strv_copy(&l->env, rec->env.v);
	if (*rec->hostname)
		l->hostname = xstrdup(rec->hostname);
	else
		l->hostname = xstrndup(l->ctr->id, ID_SHORT_LEN);
	if (!strv_env_get(&l->env, "HOSTNAME")) {
		_cleanup_(freep) char *e = xasprintf("HOSTNAME=%s", l->hostname);

		strv_env_set(&l->env, e);
	}
}

/* What launch_prepare() has opened. */
static void close_opened(struct launch *l)
{
	for (size_t i = 0; i < l->n_lowers; i++)
		fd_close(l->lower_fds[i]);
	free(TAKE_PTR(l->lower_fds));
	l->n_lowers = 0;
	for (size_t i = 0; l->mounts && i < l->rec->n_mounts; i++)
		fd_close(l->mounts[i].source_fd);
	free(TAKE_PTR(l->mounts));
	for (unsigned i = 0; i < l->n_hidden; i++) {
		fd_close(l->hidden[i].fd);
		free(l->hidden[i].path);
	}
	free(TAKE_PTR(l->hidden));
	l->n_hidden = 0;
	fd_close(TAKE_FD(l->libexec_fd));
}

int launch_prepare(struct launch *l, struct error *err)
{
	int r;

	l->libexec_fd = -1;
	r = l->rec->here ? idmap_load_single(&l->map, err) : idmap_load(&l->map, err);
	if (r < 0)
		return r;
	if (idmap_is_single(&l->map) && l->map.why == DCODE_NONE && !l->rec->here)
		l->map.why = l->why; /* inside U nobody can tell any more */
	l->libexec_fd = proc_open_libexec(err);
	if (l->libexec_fd < 0)
		return l->libexec_fd;
	make_words(l);
	make_files(l);
	if (l->rec->here)
		here_who(l->rec, &l->map, &l->here_lines, &l->here);
	r = open_layers(l, err);
	if (r == 0)
		r = open_mounts(l, err);
	if (r == 0)
		r = open_hidden(l, err);
	if (r < 0)
		close_opened(l); /* where descriptors ran out the container is to be removed */
	return r;
}

static void fill_spec(const struct launch *l, struct ctr_spec *spec)
{
	const struct ctrconf *rec = l->rec;

	*spec = (struct ctr_spec){
		.id = l->ctr->id,
		.hostname = l->hostname,
		.argv = l->argv.v,
		.envp = l->env.v,
		.user = rec->user,
		.cwd = rec->cwd,
		.dirs = rec->volumes.v,
		.net = rec->net,
		.caps = rec->caps,
		.mounts = l->mounts,
		.n_mounts = (unsigned)rec->n_mounts,
		.lower_fds = l->lower_fds,
		.n_lowers = l->n_lowers,
		.ctr_dirfd = l->ctr->dirfd,
		.facts_fd = l->store->runtime_fd,
		.resolv_conf = l->resolv_conf,
		.hosts = l->hosts,
		.hostname_file = l->hostname_file,
		.hidden = l->hidden,
		.n_hidden = l->n_hidden,
		.libexec_fd = l->libexec_fd,
		.cgroup_fd = l->cgroup ? l->cgroup->fd : -1,
		.map = l->map,
		.here = l->rec->here ? &l->here : NULL,
		.flags = (rec->tty ? CTR_TTY : 0) | (rec->init ? CTR_INIT : 0) |
			 (rec->read_only ? CTR_READ_ONLY : 0) |
			 (rec->no_new_privs ? CTR_NO_NEW_PRIVS : 0) |
			 (rec->seccomp_off ? CTR_SECCOMP_OFF : 0) |
			 (rec->real_ids ? CTR_REAL_IDS : 0) |
			 (rec->user_asked ? CTR_USER_ASKED : 0) | (rec->remove ? CTR_VOLATILE : 0) |
			 (l->strict ? CTR_STRICT : 0),
	};
}

/* Before the container's namespaces are there: netstack loads meanwhile. */
static int start_net(struct launch *l, struct launched *d, struct error *err)
{
	int r;

	if (l->rec->net != NET_PRIVATE)
		return 0; /* with NET_NONE pid 1 brings up lo by itself */
	r = net_private_start(l->libexec_fd, &d->net, err);
	d->has_net = r == 0;
	return r;
}

static int write_running(struct launch *l, const struct launched *d, struct error *err)
{
	struct container_state *st = &l->ctr->state;
	int r;

	st->status = CONTAINER_RUNNING;
	st->pid = d->ctr.init.pid;
	st->exit_code = 0;
	st->remove_at_end = l->rec->remove;
	st->finished[0] = st->error[0] = st->cgroup[0] = '\0';
	if (l->cgroup)
		ignore_result(str_copy(st->cgroup, sizeof(st->cgroup), l->cgroup->path)); /* fits */
	st->oom_killed = false;
	record_ids(l, st);
	/* For good: what it wrote then stays. */
	if (idmap_is_single(&l->map) && !l->rec->here && !l->rec->real_ids && !l->rec->seccomp_off)
		st->one_id = l->map.why != DCODE_NONE ? l->map.why : DCODE_NO_SUBID;
	(void)timefmt_now(st->started);
	(void)id_node(st->node);
	st->start_time = d->ctr.start_time;
	r = id_boot(st->boot);
	if (r == 0)
		r = container_state_set_supervisor(st, getpid());
	if (r < 0)
		return error_code(err, r, "record that container %.12s runs", l->ctr->id);
	r = ctr_hidden(&d->ctr, err);
	if (r < 0)
		return r;
	r = container_write_state(l->ctr->dirfd, st);
	return r < 0 ? error_code(err, r, "record that container %.12s runs", l->ctr->id) : 0;
}

static int join_process(int pidfd, pid_t pid, void *arg, struct error *err)
{
	const struct launch *l = arg;
	int r = userns_join(pidfd, pid, &l->map, err);

	if (r > 0)
		log_debug("launch", "in the user namespace of process %d", pid);
	return r;
}

/* The U of a container that runs, or a new one: newuidmap is a third of what a start costs. */
static int enter_u(struct launch *l, const struct enforce *e, struct error *err)
{
	bool promised = !idmap_is_single(&l->map);
	int r = 0;

	/* What the kernel counts for it, it counts by an id of U: a U of its own, then. */
	if (!enforce_needs_owner(e))
		r = container_each_process(l->store, join_process, l, err);
	if (r == 0) {
		r = userns_enter(&l->map, err);
		if (r == 0)
			log_debug("launch", "in a user namespace of its own");
	}
	if (r < 0)
		return r;
	if (!l->ids_told)
		userns_warn_single(&l->map);
	l->ids_told = true;
	r = check_tier(l, promised, err);
	if (r == 0)
		r = check_upper(l, err);
	if (r < 0)
		return r;
	ignore_result(container_lock_set_process(l->lock_fd)); /* then nobody joins us */
	return 0;
}

static int record_cgroup(const char *path, void *data, struct error *err)
{
	struct launch *l = data;
	int r = str_copy(l->ctr->state.cgroup, sizeof(l->ctr->state.cgroup), path);

	if (r == 0)
		r = container_write_state(l->ctr->dirfd, &l->ctr->state);
	return r < 0 ? error_code(err, r, "record the cgroup of container %.12s", l->ctr->id) : 0;
}

static int make_cgroup(struct launch *l, struct enforced *rows, struct error *err)
{
	struct cgroup_request req = {
		.limits = &l->rec->limits,
		.id = l->ctr->id,
		.libexec_fd = l->libexec_fd,
		.record = record_cgroup,
		.data = l,
	};
	struct cgroup c;
	int r;

	r = cgroup_create(&req, &c, rows, err);
	if (r == 0)
		l->cgroup = xmemdup(&c, sizeof(c));
	return r;
}

/* In the background it is to stay, and there are hosts where it does not (D-22). */
static int check_logout(const struct launch *l, enum enforce_flags flags, struct error *err)
{
	struct error e = { 0 };
	int r;

	if (!l->detached)
		return 0;
	r = logout_check(l->cgroup ? l->cgroup->path : NULL, &e);
	if (r == 0)
		return 0;
	if (!(flags & ENFORCE_STRICT)) {
		if (!(flags & ENFORCE_QUIET))
			log_warn(e.dcode, "container %.12s: %s", l->ctr->id, e.text);
		return 0;
	}
	if (err)
		*err = e;
	error_prefix(err, "container %.12s", l->ctr->id);
	return r;
}

/* A cgroup where there is a delegation; for what it does not hold, the next best. */
static int begin_limits(struct launch *l, struct enforce *e, struct error *err)
{
	enum enforce_flags flags =
		(l->strict ? ENFORCE_STRICT : 0) | (l->limits_told ? ENFORCE_QUIET : 0);
	enum dcode why = DCODE_NO_CONTROLLER;
	_cleanup_(enforced_done) struct enforced rows = { 0 };
	struct error none = { 0 };
	int r = 0;

	if (limits_any(&l->rec->limits))
		r = make_cgroup(l, &rows, &none);
	if (r < 0 && r != -EOPNOTSUPP) {
		if (err)
			*err = none;
		return r;
	}
	if (r < 0) {
		log_debug("launch", "no cgroup: %s", none.text);
		why = none.dcode;
	}
	l->limits_told = true;
	r = enforce_begin(e, l->rec, l->ctr->dirfd, flags, why, &rows, err);
	return r < 0 ? r : check_logout(l, flags, err);
}

/* The watchdog ends the whole container, the kernel one process of its choice: then the container
 * may go on, and end with a status of its own. */
static void tell_oom(const struct launch *l, bool killed)
{
	if (l->rec->limits.memory && killed)
		log_warn(DCODE_NONE,
			 "container %.12s passed its memory limit: at least one of its processes "
			 "was killed",
			 l->ctr->id);
}

void launch_tell_oom(const struct launch *l, const struct launched *d)
{
	tell_oom(l,
		 oom_happened(d->enforce.oom_fd) || (l->cgroup && oom_happened(l->cgroup->oom_fd)));
}

/* Nobody was anybody but root: whoever they were meant for, they are root's (promise 2). */
static void tell_setid(const struct launch *l, enum dcode one_id)
{
	struct setid found;

	if (one_id == DCODE_NONE || setid_find(l->ctr->dirfd, &found, NULL) < 0 || found.n == 0)
		return;
	log_warn(one_id,
		 "set-id files of container %.12s are root's, even if they were to be somebody "
		 "else's: %s%s",
		 l->ctr->id, found.paths, found.n > SETID_NAMED_MAX || found.more ? ", ..." : "");
}

void launch_tell_end(const struct launch *l, const struct container_state *st)
{
	tell_oom(l, st->oom_killed);
	tell_setid(l, st->one_id);
	if (st->error[0])
		log_warn(DCODE_NONE, "container %.12s: %s", l->ctr->id, st->error);
}

void launch_end_cgroup(struct launch *l)
{
	if (!l->cgroup)
		return;
	/* What stays is on record, and the next command's. */
	if (cgroup_end(l->cgroup))
		l->ctr->state.cgroup[0] = '\0';
	free(TAKE_PTR(l->cgroup));
}

/* The network and the record are made ready beside pid 1, which mounts meanwhile. */
static int start_container(struct launch *l, const struct ctr_spec *spec, struct launched *d,
			   struct error *err)
{
	int r = start_net(l, d, err);

	if (r == 0)
		r = ctr_create(spec, &d->ctr, err);
	if (r == 0 && d->has_net)
		r = net_private_join(&d->net, d->ctr.userns_fd, d->ctr.netns_fd, err);
	/* Written before the program runs: a crash in between leaves a dead "running" record, which
	 * every reader knows how to take; the other order would hide a running program. */
	if (r == 0)
		r = write_running(l, d, err);
	if (r == 0)
		r = enforce_session(&d->enforce, &d->ctr, l->ctr->dirfd, l->strict, err);
	if (r == 0)
		r = ctr_ready(&d->ctr, err);
	if (r == 0)
		r = enforce_started(&d->enforce, &d->ctr, &l->map, l->libexec_fd, err);
	if (r == 0 && d->has_net)
		r = net_private_ready(&d->net, err);
	return r < 0 ? r : ctr_start(&d->ctr, err);
}

int launch_start(struct launch *l, const int stdio[3], unsigned short rows, unsigned short cols,
		 struct launched *ret, struct error *err)
{
	struct launched d = { .ctr = CTR_NONE,
			      .net = { .control_fd = -1, .proc.pidfd = -1 },
			      .enforce = ENFORCE_NONE };
	struct ctr_spec spec;
	int r;

	/* The first thing: the bus asks who we are, and a cgroup below us must hold nobody. */
	r = begin_limits(l, &d.enforce, err);
	if (r == 0)
		r = enter_u(l, &d.enforce, err);
	if (r == 0) {
		fill_spec(l, &spec);
		enforce_spec(&d.enforce, &spec);
		memcpy(spec.stdio, stdio, sizeof(spec.stdio));
		spec.tty_rows = rows;
		spec.tty_cols = cols;
		r = start_container(l, &spec, &d, err);
		if (r < 0 && d.has_net)
			proc_kill(&d.net.proc); /* gone before we are */
	}
	if (r < 0) {
		launched_done(&d);
		launch_end_cgroup(l);
		return r;
	}
	log_debug("launch", "%s runs as process %d, network %s", l->argv.v[0], d.ctr.init.pid,
		  net_mode_name(l->rec->net));
	*ret = d;
	return 0;
}

void launched_done(struct launched *d)
{
	ctr_done(&d->ctr);
	if (d->has_net)
		net_helper_done(&d->net);
	d->has_net = false;
	enforce_done(&d->enforce);
}

static void empty_trash(struct store *s)
{
	_cleanup_(fd_closep) int fd =
		openat(s->root_fd, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct error err = { 0 };
	int r;

	if (fd < 0)
		return;
	r = store_empty_trash(fd, STORE_TRASH_BUDGET_MS, &err);
	if (r != 0)
		log_debug("launch", "trash: %s; the next command goes on with it",
			  r < 0 ? err.text : "not empty");
}

int launch_remove(struct store *s, struct container *ctr, struct error *err)
{
	int r;

	r = container_remove(s, ctr, err);
	if (r < 0)
		return r;
	if (userns_is_inside())
		empty_trash(s);
	return 0;
}

void launch_done(struct launch *l)
{
	close_opened(l);
	here_lines_done(&l->here_lines);
	strv_done(&l->argv);
	strv_done(&l->env);
	if (l->cgroup)
		cgroup_done(l->cgroup);
	free(TAKE_PTR(l->cgroup));
	free(TAKE_PTR(l->resolv_conf));
	free(TAKE_PTR(l->hosts));
	free(TAKE_PTR(l->hostname));
	free(TAKE_PTR(l->hostname_file));
	fd_close(TAKE_FD(l->lock_fd));
}
