/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/exec.h"
#include "runtime/rootfs.h"

/* A read-only mount of its own, seen by nobody: the file cannot be written through it. */
static int open_helper(const struct ctr_spec *spec, struct command *x, struct error *err)
{
	_cleanup_(fd_closep) int dir = -1;
	int r;

	if (spec->libexec_fd > STDERR_FILENO)
		dir = mnt_reopen(spec->libexec_fd, err);
	else
		dir = proc_open_libexec(err);
	if (dir < 0)
		return dir;
	x->helper = mnt_copy(dir, "init");
	if (x->helper < 0)
		return error_code(err, x->helper, "open libexec/carrel/init");
	r = mnt_restrict(x->helper, MOUNT_ATTR_RDONLY);
	if (r < 0)
		return error_code(err, r, "make libexec/carrel/init read-only");
	command_helper_argv(x, spec->flags & CTR_INIT ? "init" : "exec");
	return 0;
}

static int add_file(struct plan *p, int dir, const char *name, const char *target, const char *text,
		    struct error *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct plan_file *f;
	int r;

	if (!text)
		return 0;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_sys(err, "make file %s of the container", name);
	r = fd_write_all(fd, text, strlen(text));
	if (r < 0)
		return error_code(err, r, "write file %s of the container", name);
	f = &p->files[p->n_files];
	f->target = target;
	f->tree = mnt_copy(dir, name);
	if (f->tree < 0)
		return error_code(err, f->tree, "bind file %s of the container", name);
	p->n_files++;
	r = mnt_restrict(f->tree, 0);
	return r < 0 ? error_code(err, r, "bind file %s of the container", name) : 0;
}

/* The caller has a name inside, too. */
static int add_here(struct plan *p, int dir, struct error *err)
{
	const struct ctr_here *h = p->spec->here;
	_cleanup_(freep) char *passwd = NULL, *group = NULL;
	int r;

	r = users_with_line(p->root, "/etc/passwd", h->passwd, &passwd, err);
	if (r == 0)
		r = users_with_line(p->root, "/etc/group", h->group, &group, err);
	if (r == 0)
		r = add_file(p, dir, "passwd", "/etc/passwd", passwd, err);
	return r < 0 ? r : add_file(p, dir, "group", "/etc/group", group, err);
}

static int write_files(struct plan *p, struct error *err)
{
	const struct ctr_spec *s = p->spec;
	int dir = p->files_dir, r;

	r = add_file(p, dir, "resolv.conf", "/etc/resolv.conf", s->resolv_conf, err);
	if (r == 0)
		r = add_file(p, dir, "hosts", "/etc/hosts", s->hosts, err);
	if (r == 0)
		r = add_file(p, dir, "hostname", "/etc/hostname", s->hostname_file, err);
	if (r == 0 && s->here)
		r = add_here(p, dir, err);
	if (!command_is_answered(&p->exec))
		return r;
	for (const struct oneid_file *f = NULL; r == 0 && (f = oneid_next_file(p->root, f));)
		r = add_file(p, dir, f->name, f->target, f->text, err);
	return r;
}

/*
 * In a tmpfs that ends with the container: nothing on the disk to make and to delete. Kernels that
 * copy only attached mounts (before 6.15) get a directory of the container's instead; not tried
 * beforehand, because to drop a copy costs more than all the files.
 */
static int add_files(struct plan *p, struct error *err)
{
	static const struct mnt_option options[] = {
		{ "mode", "755" }, { "size", "16m" }, { "nr_inodes", "16" }, { NULL }
	};
	int r;

	p->files_dir = mnt_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (p->files_dir >= 0) {
		r = write_files(p, err);
		if (r == 0 || p->n_files > 0)
			return r;
		error_clear(err);
		fd_close(p->files_dir);
	}
	p->files_dir = mnt_reopen(p->spec->ctr_dirfd, err);
	return p->files_dir < 0 ? p->files_dir : write_files(p, err);
}

/* The host's /sys, where sysfs cannot be new because the network namespace is not. */
static int copy_sys(struct plan *p, struct error *err)
{
	int r;

	if (p->spec->net != NET_HOST)
		return 0;
	p->sys = mnt_copy(AT_FDCWD, "/sys");
	if (p->sys < 0)
		return error_code(err, p->sys, "bind /sys");
	r = mnt_restrict(p->sys, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					 MOUNT_ATTR_NOEXEC);
	return r < 0 ? error_code(err, r, "make /sys read-only") : 0;
}

static int choose_user(struct plan *p, struct error *err)
{
	const struct ctr_spec *s = p->spec;
	int r;

	if (s->here) {
		ids_here(s->here->uid, s->here->gid, s->here->home, &p->user, &p->ids);
		return 0;
	}
	r = users_lookup(p->root, s->user ? s->user : "", &p->user, err);
	return r < 0 ? r : ids_choose(&s->map, s->flags & CTR_USER_ASKED, &p->user, &p->ids, err);
}

static int mount_root(struct plan *p, struct error *err)
{
	struct rootfs root;
	int r = rootfs_mount(p->spec, &root, err);

	if (r < 0)
		return r;
	p->root = root.mnt;
	p->server = root.server;
	return 0;
}

int plan_make(const struct ctr_spec *spec, struct plan *p, struct error *err)
{
	struct command *x = &p->exec;
	int r;

	*p = (struct plan){
		.spec = spec, .sync = -1, .root = -1, .sys = -1, .files_dir = -1, .server.pidfd = -1
	};
	x->helper = -1;
	r = mount_root(p, err);
	if (r == 0)
		r = copy_sys(p, err);
	if (r == 0)
		r = volumes_open(spec, p, err);
	if (r == 0)
		r = choose_user(p, err);
	x->user = &p->user;
	x->caps = spec->caps;
	x->flags = spec->flags;
	x->single = p->ids.single;
	if (r == 0)
		r = add_files(p, err);
	if (r < 0)
		return r;
	command_fill(x, spec->argv, spec->envp, p->user.home);
	x->rlimits = spec->rlimits;
	x->n_rlimits = spec->n_rlimits;
	x->umask = spec->here ? spec->here->umask : 022;
	for (int i = 0; i < 3; i++)
		x->stdio[i] = spec->stdio[i];
	if ((spec->flags & CTR_INIT) || !exec_own_binary_is_safe())
		r = open_helper(spec, x, err);
	return r;
}

void plan_done(struct plan *p)
{
	fd_close(p->root);
	proc_end(&p->server, ROOTFS_END_MS);
	fd_close(p->sys);
	for (unsigned i = 0; i < p->n_files; i++)
		fd_close(p->files[i].tree);
	fd_close(p->files_dir);
	volumes_done(p);
	command_done(&p->exec);
}
