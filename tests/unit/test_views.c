/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runtime/views.h"

/* The root file system, one whose part is /home, that once more at a name with a space, a part of
 * the store, its neighbour, all of it, and the same names on another file system. */
static const char mounts[] = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
			     "21 20 8:2 /@home /home rw shared:1 - btrfs /dev/sda2 rw\n"
			     "22 20 8:2 /@home /mnt/home\\040two rw - btrfs /dev/sda2 rw\n"
			     "23 20 8:2 /@home/u/store/containers /srv/c rw - btrfs /dev/sda2 rw\n"
			     "24 20 8:2 /@home/u/storeroom /srv/d rw - btrfs /dev/sda2 rw\n"
			     "25 20 8:2 / /mnt/top rw - btrfs /dev/sda2 rw\n"
			     "26 20 8:1 /@home/u/store /srv/e rw - ext4 /dev/sda1 rw\n"
			     "27 20 8:2 /@home/u/store /srv/f rw - btrfs /dev/sda2 rw\n"
			     "torn\n";

static void expect(uint64_t id, const char *dir, const char *const *want, size_t n)
{
	struct view_list got = { 0 };
	struct views v;

	views_parse(strdup(mounts), &v);
	views_list(&v, id, dir, &got);
	assert_int_equal(got.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(got.v[i].path, want[i]);
		assert_int_equal(got.v[i].part, strncmp(want[i], "/srv/c", 6) == 0 ||
							(str_eq(dir, "/home") && i > 1 && i != 4));
	}
	view_list_done(&got);
	views_done(&v);
}

static void test_every_view(void **state)
{
	static const char *const want[] = { "/home/u/store", "/mnt/home two/u/store", "/srv/c",
					    "/mnt/top/@home/u/store", "/srv/f" };
	static const char *const root[] = { "/store" };

	(void)state;
	expect(21, "/home/u/store", want, 5);
	expect(20, "/store", root, 1);
	/* A mount that is not in the list: itself at least. */
	expect(99, "/store", root, 1);
}

static void test_mount_points_themselves(void **state)
{
	static const char *const home[] = { "/home",  "/mnt/home two",	"/srv/c",
					    "/srv/d", "/mnt/top/@home", "/srv/f" };
	static const char *const at_mount[] = { "/srv/f", "/home/u/store", "/mnt/home two/u/store",
						"/srv/c", "/mnt/top/@home/u/store" };

	(void)state;
	expect(21, "/home", home, 6);
	expect(27, "/srv/f", at_mount, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_view),
		cmocka_unit_test(test_mount_points_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
