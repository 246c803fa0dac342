/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/hostdiag.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/mountinfo.h"

enum {
	OVERFLOW_UID = 65534,
};

/* The value of a one-number file below /proc/sys, or `absent`. */
static uint64_t sysctl_read(const char *path, uint64_t absent)
{
	char text[32];
	uint64_t v;

	if (path_read_line(path, text, sizeof(text)) < 0 || num_u64(text, &v) < 0)
		return absent;
	return v;
}

/* chroot(2) into a directory that is no mount point, or into one that process 1 sees below its
 * root: mount ids are the same in both lists only within one mount namespace. */
static bool root_is_chroot(void)
{
	_cleanup_(freep) char *text = NULL;
	struct mountinfo m;
	struct statx sx;

	if (statx(AT_FDCWD, "/", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, &sx) < 0)
		return false;
	if ((sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
	    !(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return true;
	if (path_load(AT_FDCWD, "/proc/1/mountinfo", MOUNTINFO_SIZE_MAX, &text, NULL) < 0)
		return false;
	return (sx.stx_mask & STATX_MNT_ID) && mountinfo_by_id(text, sx.stx_mnt_id, &m) == 0 &&
	       !str_eq(m.target, "/");
}

static bool under_seccomp(void)
{
	return prctl(PR_GET_SECCOMP) == 2;
}

static int found(struct error *err, int r, enum dcode code, const char *why)
{
	error_set(err, r, "make a user namespace: %s", why);
	error_host(err, code);
	return r;
}

int hostdiag_userns(int r, struct error *err)
{
	if (sysctl_read("/proc/sys/user/max_user_namespaces", 1) == 0)
		return found(err, r, DCODE_USERNS_OFF, "user.max_user_namespaces is 0");
	if (sysctl_read("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		return found(err, r, DCODE_USERNS_OFF, "kernel.unprivileged_userns_clone is 0");
	if (r == -ENOSPC || r == -EUSERS)
		return found(err, r, DCODE_USERNS_OFF,
			     "the limit of user.max_user_namespaces is reached");
	if (r == -EINVAL || r == -ENOSYS)
		return found(err, r, DCODE_USERNS_OFF, "this kernel is built without them");
	if (r == -EPERM && root_is_chroot())
		return found(err, r, DCODE_CHROOT, "the kernel refuses it inside chroot(2)");
	if (sysctl_read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
		return found(err, r, DCODE_USERNS_DENIED, "AppArmor restricts them to profiles");
	if (under_seccomp()) {
		found(err, r, DCODE_USERNS_DENIED, "a seccomp filter on this process refuses it");
		error_hint(err, "this is a container of another tool, or a sandbox: start that "
				"one with a seccomp profile that allows unshare and clone");
		return r;
	}
	/* SELinux and AppArmor say EACCES. Nothing else is left but a root directory that is a
	 * mount point, in a mount namespace of which no other process tells. */
	if (r == -EPERM)
		return found(err, r, DCODE_CHROOT, "the kernel refuses it as inside chroot(2)");
	error_code(err, r, "make a user namespace");
	error_host(err, DCODE_USERNS_DENIED);
	return r;
}

int hostdiag_no_power(int r, struct error *err)
{
	error_code(err, r, "mount inside the new user namespace");
	error_host(err, DCODE_USERNS_DENIED);
	return r;
}

static const char *missing_privilege(const char *program)
{
	struct statvfs vfs;
	struct stat st;
	char caps[64];

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return "this process has no_new_privs set";
	if (stat(program, &st) < 0)
		return "it cannot be looked at";
	/* In U host id 0 has no name: an owner shows as OVERFLOW_UID, capabilities as EOVERFLOW. */
	if (!((st.st_mode & S_ISUID) && (st.st_uid == 0 || st.st_uid == OVERFLOW_UID)) &&
	    getxattr(program, "security.capability", caps, sizeof(caps)) < 0 && errno != EOVERFLOW)
		return "it has neither the setuid bit nor file capabilities";
	if (statvfs(program, &vfs) == 0 && (vfs.f_flag & ST_NOSUID))
		return "its file system is mounted nosuid";
	return NULL;
}

const char *hostdiag_newidmap_fix(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return "start it outside of the sandbox that has set no_new_privs";
	return "ask an administrator: chmod u+s /usr/bin/new[ug]idmap (not nosuid)";
}

void hostdiag_one_id(enum dcode why, struct error *err)
{
	/* Of a container that another process started nothing else is known. */
	if (why == DCODE_NEWIDMAP_PRIV && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		error_hint(err, "%s", hostdiag_newidmap_fix());
	error_host(err, why);
}

/* In the words of ld.so(8), of libc and of the program. Then nothing is wrong with the host. */
static bool is_starved(const char *said)
{
	return strstr(said, "failed to map segment") || strstr(said, "annot allocate memory") ||
	       strstr(said, "out of memory");
}

int hostdiag_idmap(const char *program, int status, const char *said, struct error *err)
{
	const char *why = missing_privilege(program);

	if (is_starved(said)) {
		error_set(err, -ENOMEM, "%s has too little room: %s", program, said);
		error_hint(err, "`ulimit -a` shows your limits, and -v is most likely the one");
		return -ENOMEM;
	}
	if (status == 127) {
		error_set(err, -ENOEXEC, "%s cannot be executed", program);
		error_host(err, DCODE_NO_NEWIDMAP);
		return -ENOEXEC;
	}
	if (strstr(said, "user name")) {
		error_set(err, -EPERM, "%s serves no user without a passwd entry", program);
		error_host(err, DCODE_NO_PASSWD);
		return -EPERM;
	}
	if (why) {
		error_set(err, -EPERM, "%s cannot write the id map: %s", program, why);
		hostdiag_one_id(DCODE_NEWIDMAP_PRIV, err);
		return -EPERM;
	}
	error_set(err, -EPERM, "%s ended with status %d%s%s", program, status, *said ? ": " : "",
		  said);
	/* Its own words: "uid range [0-1) -> [1000-1001) not allowed". */
	error_host(err, strstr(said, "not allowed") ? DCODE_NO_SUBID : DCODE_NEWIDMAP_PRIV);
	return -EPERM;
}
