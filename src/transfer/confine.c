/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/landlock.h"
#include "base/sandbox.h"
#include "base/sys.h"
#include "transfer/box.h"
#include "transferfetch_filter.h"
#include "transferunpack_filter.h"

#define CAP(n) (UINT64_C(1) << CAP_##n)

static int set_caps(uint64_t caps, struct error *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)caps, .permitted = (uint32_t)caps },
		{ .effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32) },
	};

	/* Nothing is executed from here on, but an emptied bounding set costs nothing. Without
	 * CAP_SETPCAP (the fetcher) there is no capability to bound either. */
	for (unsigned long c = 0; c < 64; c++)
		if (!(caps & (UINT64_C(1) << c)))
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, data) < 0)
		return error_sys(err, "drop capabilities");
	return 0;
}

static int no_core(struct error *err)
{
	const struct rlimit none = { 0 };

	/* No core file with credentials or other people's content in it. */
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return error_sys(err, "set the limit of core files");
	return 0;
}

/* Landlock wants no_new_privs first. */
static int second_line(int dir, enum landlock_what what, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(err, "set no_new_privs");
	return landlock_confine(dir, what, err);
}

int confine_fetcher(const char *layout, int *layout_fd, struct error *err)
{
	_cleanup_(fd_closep) int root = -1;
	int r;

	r = box_close(layout, layout_fd, err);
	if (r == 0)
		r = set_caps(0, err);
	if (r == 0)
		r = no_core(err);
	if (r < 0)
		return r;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, "open the new root");
	r = second_line(*layout_fd >= 0 ? *layout_fd : root, LANDLOCK_READ, err);
	return r < 0 ? r
		     : sandbox_filter_unsanitized(transferfetch_filter,
						  ARRAY_SIZE(transferfetch_filter), err);
}

/* A clone of `dir` as a mount of its own, then nothing else: the rest is detached. */
static int pivot_into(int dir, struct error *err)
{
	_cleanup_(fd_closep) int tree = -1;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(err, "make the mounts private");
	tree = (int)syscall(SYS_open_tree, dir, "",
			    AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return error_sys(err, "clone the staging directory");
	if (syscall(SYS_move_mount, tree, "", dir, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_sys(err, "mount the staging directory");
	if (fchdir(tree) < 0)
		return error_sys(err, "enter the staging directory");
	if (sys_pivot_root(".", ".") < 0)
		return error_sys(err, "make the staging directory the root");
	if (umount2(".", MNT_DETACH) < 0)
		return error_sys(err, "detach the host's root");
	if (chdir("/") < 0)
		return error_sys(err, "enter the new root");
	return 0;
}

int confine_unpacker(int dir, struct error *err)
{
	_cleanup_(fd_closep) int root = -1;
	int r;

	r = pivot_into(dir, err);
	if (r < 0)
		return r;
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, "open the new root");
	r = set_caps(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | CAP(SETFCAP) |
			     CAP(MKNOD),
		     err);
	if (r == 0)
		r = no_core(err);
	if (r == 0)
		r = second_line(root, LANDLOCK_TREE, err);
	if (r == 0)
		r = sandbox_filter_unsanitized(transferunpack_filter,
					       ARRAY_SIZE(transferunpack_filter), err);
	return r < 0 ? r : TAKE_FD(root);
}
