/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* The header of the build machine may be older than the kernel: what came later is spelled here. */
enum {
	VERSION_REFER = 2,
	VERSION_TRUNCATE = 3,
	VERSION_NET = 4,
	VERSION_IOCTL = 5,
	VERSION_SCOPE = 6,
};

#define FS_FIRST    (LANDLOCK_ACCESS_FS_MAKE_SYM * UINT64_C(2) - 1) /* all of version 1 */
#define FS_REFER    (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL    (UINT64_C(1) << 15)
#define NET_BIND    (UINT64_C(1) << 0)
#define NET_CONNECT (UINT64_C(1) << 1)
#define SCOPE_ALL   (UINT64_C(3)) /* abstract sockets, signals */

struct ruleset {
	uint64_t fs, net, scoped;
};

int landlock_version(void)
{
	long r = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return r > 0 ? (int)r : 0;
}

/* Everything this kernel can refuse, and so much of the struct as it knows. */
static size_t all_of(int version, enum landlock_what what, struct ruleset *ret)
{
	*ret = (struct ruleset){ .fs = FS_FIRST };
	if (version >= VERSION_REFER)
		ret->fs |= FS_REFER;
	if (version >= VERSION_TRUNCATE)
		ret->fs |= FS_TRUNCATE;
	if (version < VERSION_NET)
		return sizeof(ret->fs);
	ret->net = what == LANDLOCK_TREE ? NET_BIND | NET_CONNECT : NET_BIND;
	if (version >= VERSION_IOCTL)
		ret->fs |= FS_IOCTL;
	if (version < VERSION_SCOPE)
		return offsetof(struct ruleset, scoped);
	ret->scoped = SCOPE_ALL;
	return sizeof(*ret);
}

int landlock_confine(int dir, enum landlock_what what, struct error *err)
{
	_cleanup_(fd_closep) int rules = -1;
	struct landlock_path_beneath_attr beneath = { .parent_fd = dir };
	struct ruleset all;
	int version = landlock_version();
	size_t size;

	if (version == 0 || (what == LANDLOCK_TREE && version < VERSION_REFER))
		return 0;
	size = all_of(version, what, &all);
	rules = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (rules < 0)
		return error_sys(err, "make landlock rules");
	beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (what == LANDLOCK_TREE)
		beneath.allowed_access = all.fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE & ~FS_IOCTL;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
		return error_sys(err, "add a landlock rule");
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return error_sys(err, "apply landlock rules");
	return 0;
}
