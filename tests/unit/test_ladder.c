/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "runtime/mountinfo.h"
#include "runtime/probe.h"

/* The ladder: each code has one row with everything that is told of it, and a probe that exists. */

static bool has_probe(const char *key)
{
	size_t n;
	const struct probe *rows = probe_table(&n);

	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].key, key))
			return true;
	return str_eq(key, DCODE_BY_CALLER);
}

static void check_text(const char *text, size_t min, size_t max)
{
	assert_non_null(text);
	assert_in_range(strlen(text), min, max);
	for (const char *s = text; *s; s++)
		assert_true(*s >= ' ' && *s < 0x7f);
	assert_true(text[strlen(text) - 1] != ' ' && !strstr(text, "  "));
}

/* Filled as the doctor does beside a label: three findings have to fit on its screen. */
static unsigned count_lines(const char *text)
{
	enum { WIDTH = 66 };
	unsigned lines = 1;
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column && column + 1 + n > WIDTH) {
			lines++;
			column = 0;
		}
		column += n + (column > 0);
		text += n + strspn(text + n, " ");
	}
	return lines;
}

static void test_rows(void **state)
{
	(void)state;
	for (int i = DCODE_NONE + 1; i < DCODE_MAX; i++) {
		const struct dcode_row *row = dcode_get((enum dcode)i);
		char name[8];

		assert_non_null(row);
		assert_int_equal(row->code, i);
		(void)snprintf(name, sizeof(name), "D-%02d", i);
		assert_string_equal(row->name, name);
		check_text(row->title, 10, 70);
		check_text(row->lost, 3, 160);
		check_text(row->fix, 10, ERROR_HINT_MAX - 1);
		check_text(row->manual, 80, 1000);
		assert_true(row->manual[strlen(row->manual) - 1] == '.');
		assert_non_null(strstr(row->manual, "found"));
		if (row->fallback)
			check_text(row->fallback, 5, 160);
		/* D-03 has two cases: its probe tells which. */
		if (i != DCODE_NO_SUBID)
			assert_int_equal(count_lines(row->fallback ? row->fallback : row->lost), 1);
		assert_in_range(count_lines(row->fix), 1, 2);
	}
	assert_null(dcode_get(DCODE_NONE));
	assert_null(dcode_get(DCODE_MAX));
}

static void test_probes(void **state)
{
	size_t n;
	const struct probe *rows = probe_table(&n);

	(void)state;
	for (int i = DCODE_NONE + 1; i < DCODE_MAX; i++) {
		const struct dcode_row *row = dcode_get((enum dcode)i);

		assert_non_null(row->probe);
		assert_true(has_probe(row->probe));
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(rows[i].key, rows[k].key);
}

/* What a row needs comes from rows before it. */
static void test_order(void **state)
{
	unsigned have = 0;
	size_t n;
	const struct probe *rows = probe_table(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].needs & ~have, 0);
		have |= rows[i].gives;
	}
}

static const char mounts[] =
	"21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
	"22 21 0:20 / /proc rw,nosuid,nodev,noexec - proc proc rw\n"
	"30 21 0:30 / /mnt/a\\040b\\134 ro,nosuid master:3 propagate_from:2 - tmpfs none rw\n"
	"x 21 0:30 / /mnt/c ro - tmpfs none rw\n"
	"40 21 0:40 / /dev/shm rw - tmpfs shm rw,size=65536k,uid=5\n"
	"41 21 0:41 / /x rw - tmpfs  rw,resize=5\n"
	"31 30 0:31 / /mnt/a\\040b\\134 rw - fuse.sshfs h:/ rw\n";

static void test_mountinfo(void **state)
{
	struct mountinfo m;

	(void)state;
	assert_int_equal(mountinfo_by_id(mounts, 22, &m), 0);
	assert_string_equal(m.target, "/proc");
	assert_string_equal(m.type, "proc");
	assert_int_equal(m.parent, 21);
	assert_true(mountinfo_has_option(&m, "nosuid") && mountinfo_has_option(&m, "noexec"));
	assert_false(mountinfo_has_option(&m, "no") || mountinfo_has_option(&m, "nosuid,nodev"));
	/* The one on top. */
	assert_int_equal(mountinfo_by_target(mounts, "/mnt/a b\\", &m), 0);
	assert_int_equal(m.id, 31);
	assert_string_equal(m.type, "fuse.sshfs");
	assert_int_equal(mountinfo_by_id(mounts, 30, &m), 0);
	assert_string_equal(m.type, "tmpfs");
	assert_int_equal(mountinfo_by_target(mounts, "/mnt/c", &m), -ENOENT);
	assert_int_equal(mountinfo_by_id(mounts, 40, &m), 0);
	assert_int_equal(mountinfo_size(&m), 64 << 20);
	assert_int_equal(mountinfo_by_id(mounts, 41, &m), 0);
	assert_int_equal(mountinfo_size(&m), 0);
	assert_string_equal(m.super, "rw,resize=5");
	assert_int_equal(mountinfo_by_id("", 1, &m), -ENOENT);
	assert_int_equal(mountinfo_parse("1 2 3:4 / /x rw", 15, &m), -EINVAL);
	assert_int_equal(mountinfo_parse("1 2 3:4 / /x rw -", 17, &m), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_mountinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
