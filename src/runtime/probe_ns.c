/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/probe_row.h"

#include <errno.h>
#include <fcntl.h>
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

int probe_subids(const struct probe_host *h, struct probe_result *ret, struct error *err)
{
	struct idmap map;
	int r = idmap_load(&map, err);

	(void)h;
	if (r < 0)
		return r;
	if (idmap_is_single(&map))
		probe_degraded(ret, map.why, "%s", map.why_text);
	else if (map.n_uids < IDMAP_COUNT - 1 || map.n_gids < IDMAP_COUNT - 1)
		probe_degraded(ret, DCODE_NO_SUBID, "only %u user and %u group ids of %d",
			       map.n_uids + 1, map.n_gids + 1, IDMAP_COUNT);
	else if (map.uid1 == map.gid1 && map.n_uid_extents == 1 && map.n_gid_extents == 1)
		probe_say(ret, "%u subordinate ids from %u", map.n_uids, map.uid1);
	else
		probe_say(ret, "%u subordinate user ids from %u, group ids from %u", map.n_uids,
			  map.uid1, map.gid1);
	probe_fact_u64(ret, "uids", map.n_uids);
	probe_fact_u64(ret, "first_uid", map.uid1);
	probe_fact_u64(ret, "gids", map.n_gids);
	probe_fact_u64(ret, "first_gid", map.gid1);
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
		probe_degraded(ret, map.why, "%s", map.why_text);
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
		return error_code(err, r, "make a pid namespace");
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return error_code(err, r, "wait for a probe");
	if (status) {
		error_code(err, -status, "mount proc in a new pid namespace");
		error_host(err, DCODE_PROC_MASKED);
		return -status;
	}
	probe_say(ret, "an own /proc");
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
	probe_say(ret, "seccomp filters");
	return 0;
}
