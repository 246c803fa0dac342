/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/imgconfig.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX "\"]}"

static void test_full(void **state)
{
	static const char json[] =
		"{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\","
		"\"created\":\"2026-01-02T03:04:05Z\",\"config\":{\"User\":\"www-data\","
		"\"WorkingDir\":\"/srv\",\"StopSignal\":\"SIGQUIT\",\"Entrypoint\":[\"/e\"],"
		"\"Cmd\":[\"a\",\"b c\"],\"Env\":[\"PATH=/bin\",\"EMPTY\",\"=x\",\"\"],"
		"\"Labels\":{\"k\":\"v\"},\"Volumes\":{\"/data\":{}},"
		"\"ExposedPorts\":{\"80/tcp\":{}}}," ROOTFS "}";
	struct imgconfig c;

	(void)state;
	assert_int_equal(imgconfig_parse(json, strlen(json), &c, NULL), 0);
	assert_string_equal(c.platform.arch, "arm64");
	assert_string_equal(c.platform.variant, "");
	assert_string_equal(c.created, "2026-01-02T03:04:05Z");
	assert_string_equal(c.user, "www-data");
	assert_string_equal(c.working_dir, "/srv");
	assert_string_equal(c.stop_signal, "SIGQUIT");
	assert_string_equal(c.entrypoint.v[0], "/e");
	assert_int_equal(c.cmd.n, 2);
	assert_int_equal(c.env.n, 2);
	assert_string_equal(c.env.v[1], "EMPTY=");
	assert_string_equal(c.labels.v[0], "k=v");
	assert_string_equal(c.volumes.v[0], "/data");
	assert_string_equal(c.exposed_ports.v[0], "80/tcp");
	assert_int_equal(c.n_diff_ids, 1);
	assert_string_equal(c.diff_ids[0].hex, HEX);
	assert_int_equal(imgconfig_check_layers(&c, 1, NULL), 0);
	assert_int_equal(imgconfig_check_layers(&c, 2, NULL), -EBADMSG);
	assert_int_equal(imgconfig_check_layers(&c, 0, NULL), -EBADMSG);
	imgconfig_done(&c);
}

static void test_sparse(void **state)
{
	static const char json[] = "{\"config\":{\"Entrypoint\":null,\"Labels\":null}," ROOTFS "}";
	struct imgconfig c;

	(void)state;
	assert_int_equal(imgconfig_parse(json, strlen(json), &c, NULL), 0);
	assert_string_equal(c.user, "");
	assert_string_equal(c.working_dir, "");
	assert_null(c.created);
	assert_int_equal(c.entrypoint.n, 0);
	imgconfig_done(&c);
}

static void test_bad(void **state)
{
	static const char *const rows[] = {
		"",
		"7",
		"{}",
		"{\"rootfs\":{\"type\":\"base\",\"diff_ids\":[]}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[7]}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX "0\"]}}",
		"{\"os\":7," ROOTFS "}",
		"{\"os\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"," ROOTFS "}",
		"{\"config\":{\"Cmd\":\"sh -c x\"}," ROOTFS "}",
		"{\"config\":{\"Env\":[1]}," ROOTFS "}",
		"{\"config\":{\"Env\":[\"A=\\u0000\"]}," ROOTFS "}",
		"{\"config\":{\"Labels\":{\"a\":1}}," ROOTFS "}",
		"{\"config\":{\"Labels\":[]}," ROOTFS "}",
		"{\"config\":{\"User\":0}," ROOTFS "}",
		"{\"config\":{\"Volumes\":[\"/x\"]}," ROOTFS "}",
		"{\"config\":[]," ROOTFS "}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct imgconfig c;
		struct error err = { 0 };

		if (imgconfig_parse(rows[i], strlen(rows[i]), &c, &err) != -EINVAL)
			fail_msg("%s: '%s'", rows[i], err.text);
		assert_memory_equal(err.text, "image config: ", 14);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
