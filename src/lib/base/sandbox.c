/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

enum {
	CAP_NUMBER_MAX = 63, /* two 32 bit words; the kernel has 41 of them */
};

static int no_new_privs(struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(err, "set no_new_privs");
	return 0;
}

int sandbox_load(const struct sock_filter *filter, size_t n, struct error *err)
{
	struct sock_fprog prog = { .len = (unsigned short)n,
				   .filter = (struct sock_filter *)filter };
	int r;

	if (n == 0 || n > BPF_MAXINSNS)
		return error_set(err, -EINVAL, "a filter of %zu instructions", n);
	r = sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog);
	if (r == 0)
		return 0;
	error_code(err, r, "load the system call filter");
	if (r == -EINVAL || r == -ENOSYS)
		error_host(err, DCODE_NO_SECCOMP);
	return r;
}

int sandbox_filter(const struct sock_filter *filter, size_t n, struct error *err)
{
	int r = no_new_privs(err);

	return r < 0 ? r : sandbox_load(filter, n, err);
}

int sandbox_filter_unsanitized(const struct sock_filter *filter, size_t n, struct error *err)
{
#ifdef __SANITIZE_ADDRESS__
	(void)filter;
	(void)n;
	return no_new_privs(err);
#else
	return sandbox_filter(filter, n, err);
#endif
}

int sandbox_bounding(struct error *err)
{
	/* EINVAL: past the last capability. EPERM: a caller that has none, not even SETPCAP. */
	for (int i = 0; i <= CAP_NUMBER_MAX; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EPERM) {
			if (errno == EINVAL)
				break;
			return error_sys(err, "drop capability %d", i);
		}
	return 0;
}

int sandbox_caps(struct error *err)
{
	return sandbox_caps_but(0, err);
}

int sandbox_caps_but(uint64_t keep, struct error *err)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	uint32_t low = (uint32_t)keep, high = (uint32_t)(keep >> 32);
	struct __user_cap_data_struct sets[2] = {
		{ .effective = low, .permitted = low },
		{ .effective = high, .permitted = high },
	};
	int r;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_sys(err, "clear the ambient capabilities");
	/* Root of U stays uid 0: without these bits an exec would give everything back. */
	if (prctl(PR_SET_SECUREBITS,
		  SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			  SECBIT_NO_SETUID_FIXUP_LOCKED,
		  0, 0, 0) < 0 &&
	    errno != EPERM)
		return error_sys(err, "set securebits");
	r = sandbox_bounding(err);
	if (r < 0)
		return r;
	if (syscall(SYS_capset, &h, sets) < 0)
		return error_sys(err, "drop capabilities");
	return 0;
}

int sandbox_empty_root(struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return error_sys(err, "make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, "make mounts private");
	/* Any directory will do; /tmp is there everywhere, and nothing is written to it. */
	if (mount("empty", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555") <
	    0)
		return error_sys(err, "mount an empty root");
	if (chdir("/tmp") < 0)
		return error_sys(err, "enter the empty root");
	/* Both on the same place: the old root lies on top and is taken off by the next line. */
	if (sys_pivot_root(".", ".") < 0)
		return error_sys(err, "pivot into the empty root");
	if (umount2(".", MNT_DETACH) < 0)
		return error_sys(err, "leave the host's files");
	if (chdir("/") < 0)
		return error_sys(err, "enter the empty root");
	if (mount(NULL, "/", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_sys(err, "make the empty root read-only");
	return 0;
}
