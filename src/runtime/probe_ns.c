/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/account.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/hostdiag.h"
#include "runtime/userns.h"

enum {
	KERNEL_FIRST = 5 * 1000 + 11, /* overlay in user namespaces */
	KERNEL_FULL = 5 * 1000 + 14,
};

int probe_kernel(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	struct utsname u;
	uint32_t v;

	(void)h;
	if (uname(&u) < 0)
		return error_sys(err, "ask the kernel for its name");
	v = num_release(u.release);
	if (v && v < KERNEL_FIRST) {
		error_set(err, -ENOSYS, "this is Linux %s", u.release);
		error_host(err, DCODE_KERNEL_OLD);
		return -ENOSYS;
	}
	if (v && v < KERNEL_FULL)
		probe_degraded(ret, DCODE_KERNEL_OLD, "Linux %s: fallbacks are in use", u.release);
	else
		probe_say(ret, "Linux %s", u.release);
	return 0;
}

/* As userns_enter() does, without the map: what fails here is not newuidmap's fault. */
int probe_userns(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	(void)h;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return hostdiag_userns(-errno, err);
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return hostdiag_no_power(-errno, err);
	probe_say(ret, "user namespaces");
	return 0;
}

/* What an administrator may type: a range that is free, and the user's name. */
static void say_fix(struct probe_result *ret)
{
	_cleanup_(account_done) struct account a = { 0 };
	uint32_t first;

	if (account_get(getuid(), &a) < 0 || idmap_find_free(&first) < 0)
		return;
	(void)snprintf(ret->fix, sizeof(ret->fix),
		       "ask an administrator: usermod --add-subuids %u-%u --add-subgids %u-%u %s "
		       "(if nobody has these ids)",
		       first, first + IDMAP_COUNT - 1, first, first + IDMAP_COUNT - 1, a.name);
}

/* The files may give more than containers get to see. */
static void say_ranges(const struct idmap *m, uint64_t uids, uint64_t gids,
		       struct probe_result *ret)
{
	char used[32] = "";

	if (uids > IDMAP_COUNT || gids > IDMAP_COUNT)
		(void)snprintf(used, sizeof(used), ", %u inside", idmap_count(m));
	if (uids == gids && m->uid1 == m->gid1 && m->n_uid_extents == 1 && m->n_gid_extents == 1)
		probe_say(ret, "%" PRIu64 " subordinate ids from %u%s", uids, m->uid1, used);
	else
		probe_say(ret,
			  "%" PRIu64 " subordinate user ids from %u, %" PRIu64
			  " group ids from %u%s",
			  uids, m->uid1, gids, m->gid1, used);
}

int probe_subids(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	uint64_t uids = 0, gids = 0;
	struct idmap map;
	int r = idmap_load(&map, err);

	(void)h;
	if (r < 0)
		return r;
	idmap_given(&uids, &gids);
	if (idmap_is_single(&map)) {
		probe_degraded(ret, map.why, "%s", map.why_text);
		(void)snprintf(ret->instead, sizeof(ret->instead), "%s", DCODE_ONE_ID);
	} else if (map.n_uids < IDMAP_COUNT - 1 || map.n_gids < IDMAP_COUNT - 1) {
		probe_degraded(ret, DCODE_NO_SUBID, "a short range: %u user and %u group ids of %d",
			       map.n_uids + 1, map.n_gids + 1, IDMAP_COUNT);
		(void)snprintf(ret->instead, sizeof(ret->instead),
			       "files of higher ids are the highest one's; chown to them fails");
	} else {
		say_ranges(&map, uids, gids, ret);
	}
	if (ret->dcode == DCODE_NO_SUBID)
		say_fix(ret);
	probe_fact_u64(ret, "uids", map.n_uids);
	probe_fact_u64(ret, "first_uid", map.uid1);
	probe_fact_u64(ret, "gids", map.n_gids);
	probe_fact_u64(ret, "first_gid", map.gid1);
	probe_fact_u64(ret, "given_uids", uids);
	probe_fact_u64(ret, "given_gids", gids);
	return 0;
}

int probe_idmap(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	struct idmap map;
	int r = idmap_load(&map, err);

	(void)h;
	if (r == 0)
		r = userns_enter(&map, err);
	if (r < 0)
		return r;
	if (idmap_is_single(&map)) {
		const char *fix = map.why == DCODE_NEWIDMAP_PRIV ? hostdiag_newidmap_fix() : NULL;

		probe_degraded(ret, map.why, "%s", map.why_text);
		(void)snprintf(ret->fix, sizeof(ret->fix), "%s", fix ? fix : "");
		return 0;
	}
	/* The proof: become one of the others. */
	if (setresgid((gid_t)map.n_gids, (gid_t)map.n_gids, (gid_t)map.n_gids) < 0 ||
	    setresuid((uid_t)map.n_uids, (uid_t)map.n_uids, (uid_t)map.n_uids) < 0)
		return error_sys(err, "become id %u of the map", map.n_uids);
	probe_say(ret, "a map of the ids 0 to %u", map.n_uids);
	return 0;
}

static int mount_proc(void *arg)
{
	(void)arg;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno
											  : 0;
}

int probe_proc(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	struct proc p;
	int r = probe_enter(err), status;

	(void)h;
	if (r < 0)
		return r;
	r = proc_clone(CLONE_NEWPID, -1, mount_proc, NULL, &p);
	if (r < 0)
		return proc_clone_error(err, r, "a process in a pid namespace");
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return error_code(err, r, "wait for a probe");
	if (status) {
		error_code(err, -status, "mount proc in a new pid namespace");
		error_host(err, DCODE_PROC_MASKED);
		return -status;
	}
	probe_say(ret, "own /proc");
	return 0;
}

int probe_seccomp(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	int r;

	(void)h;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(err, "set no_new_privs");
	r = sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog);
	if (r < 0) {
		error_code(err, r, "load a system call filter");
		error_host(err, DCODE_NO_SECCOMP);
		return r;
	}
	probe_say(ret, "seccomp");
	return 0;
}
