/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/rootfs.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/str.h"
#include "runtime/ctr.h"
#include "runtime/rootfs_driver.h"
#include "runtime/rootfs_try.h"

/*
 * The order of preference. The mount itself is the test of a driver: where the first one works,
 * and that is nearly everywhere, nothing is probed. What a mount does not show is rootfs_try.h's.
 */
static const struct rootfs_ops *const drivers[] = { &rootfs_overlay, &rootfs_fuse };

/* Each layer is open twice for a moment; the usual soft limit of 1024 ends at 500 of them. Returns
 * the old limit: the container starts with what the user has. */
static struct rlimit raise_files(void)
{
	struct rlimit old = { 0 }, all;

	if (getrlimit(RLIMIT_NOFILE, &old) == 0) {
		all = (struct rlimit){ .rlim_cur = old.rlim_max, .rlim_max = old.rlim_max };
		ignore_result(setrlimit(RLIMIT_NOFILE, &all)); /* EMFILE says it later */
	}
	return old;
}

static int forced_driver(const struct rootfs_ops **ret, struct error *err)
{
	const char *name = secure_getenv("CARREL_ROOTFS");

	*ret = NULL;
	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_eq(drivers[i]->name, name))
			*ret = drivers[i];
	if (*ret)
		return 0;
	return error_set(err, -EINVAL, "CARREL_ROOTFS is '%s': 'overlay' and 'fuse' are known",
			 name);
}

static int try_overlay(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	int r = rootfs_try_overlay(spec, err);

	return r < 0 ? r : rootfs_overlay.mount(spec, ret, err);
}

static int neither(const struct error *first, const struct error *second, struct error *err)
{
	char a[ERROR_TEXT_MAX / 2], b[ERROR_TEXT_MAX / 2];

	error_set(err, second->code, "no way to join the image's layers: %s; %s",
		  error_format(first, a, sizeof(a)), error_format(second, b, sizeof(b)));
	error_hint(err, "%s", second->hint[0] ? second->hint : first->hint);
	return second->code;
}

static int mount_best(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	struct error first = { 0 }, second = { 0 };
	char why[ERROR_TEXT_MAX];
	int r = try_overlay(spec, ret, &first);

	if (r == 0)
		return 0;
	if (first.dcode == DCODE_NONE || (spec->flags & CTR_STRICT)) {
		if (err)
			*err = first;
		return r;
	}
	r = rootfs_fuse.mount(spec, ret, &second);
	if (r < 0)
		return neither(&first, &second, err);
	first.dcode = DCODE_NONE; /* log_warn() adds it */
	log_warn(DCODE_NO_OVERLAY, "%s: fuse-overlayfs is used instead, files are slower",
		 error_format(&first, why, sizeof(why)));
	return 0;
}

static int mount_any(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	const struct rootfs_ops *forced;
	int r;

	if (spec->n_lowers == 0 || spec->n_lowers > ROOTFS_LAYERS_MAX)
		return error_set(err, -EINVAL, "an image of %u layers cannot be mounted (1 to %d)",
				 spec->n_lowers, ROOTFS_LAYERS_MAX);
	r = forced_driver(&forced, err);
	if (r < 0)
		return r;
	return forced ? forced->mount(spec, ret, err) : mount_best(spec, ret, err);
}

int rootfs_mount(const struct ctr_spec *spec, struct rootfs *ret, struct error *err)
{
	struct rlimit old = raise_files();
	int r = mount_any(spec, ret, err);

	if (old.rlim_max)
		ignore_result(setrlimit(RLIMIT_NOFILE, &old)); /* lowering is always allowed */
	return r;
}
