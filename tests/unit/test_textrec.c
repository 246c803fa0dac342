/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cm.h"
#include "oci/manifest.h"
#include "storage/ctrstate.h"
#include "storage/imgrec.h"
#include "storage/ref.h"
#include "storage/refname.h"
#include "storage/textrec.h"

static void test_roundtrip(void **state)
{
	char buf[256], text[64];
	struct textrec_writer w;
	struct textrec rec;
	uint64_t v;
	size_t len;

	(void)state;
	textrec_begin(&w, buf, sizeof(buf), "thing", 3);
	textrec_add(&w, "a", "x=y\nend\n\x1b[1m");
	textrec_add_u64(&w, "n", UINT64_MAX);
	textrec_add(&w, "empty", "");
	assert_int_equal(textrec_end(&w, &len), 0);
	assert_int_equal(textrec_parse(buf, len, "thing", 3, &rec), 0);
	assert_int_equal(textrec_get(&rec, "a", text, sizeof(text)), 0);
	assert_string_equal(text, "x=y?end??[1m");
	assert_int_equal(textrec_get_u64(&rec, "n", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(textrec_get(&rec, "empty", text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(textrec_get(&rec, "emp", text, sizeof(text)), -ENODATA);
	assert_int_equal(textrec_get(&rec, "a", text, 4), -ENAMETOOLONG);
}

static void test_versions_and_damage(void **state)
{
	static const char good[] = "carrel-thing 2\na=1\nend\n";
	struct textrec rec;

	(void)state;
	assert_int_equal(textrec_parse(good, strlen(good), "thing", 2, &rec), 0);
	assert_int_equal(textrec_parse(good, strlen(good), "thing", 9, &rec), 0);
	assert_int_equal(textrec_parse(good, strlen(good), "thing", 1, &rec), -EPROTONOSUPPORT);
	assert_int_equal(textrec_parse(good, strlen(good), "other", 2, &rec), -EINVAL);
	/* Cut anywhere it is torn, never half a record. */
	for (size_t n = 0; n < strlen(good); n++)
		assert_int_equal(textrec_parse(good, n, "thing", 2, &rec), -EINVAL);
	assert_int_equal(textrec_parse("carrel-thing 2\na=\0\nend\n", 22, "thing", 2, &rec),
			 -EINVAL);
	assert_int_equal(textrec_parse("carrel-thing 0\nend\n", 19, "thing", 2, &rec), -EINVAL);
	assert_int_equal(textrec_parse("carrel-thing 1\nend\n", 19, "thing", 2, &rec), 0);
	assert_int_equal(textrec_parse("carrel-thing 1\nxend\n", 20, "thing", 2, &rec), -EINVAL);
}

static void test_writer_is_bounded(void **state)
{
	char buf[32];
	struct textrec_writer w;
	size_t len;

	(void)state;
	textrec_begin(&w, buf, sizeof(buf), "thing", 1);
	for (int i = 0; i < 100; i++)
		textrec_add(&w, "key", "value");
	assert_int_equal(textrec_end(&w, &len), -EMSGSIZE);
}

static void test_state_roundtrip(void **state)
{
	struct container_state a = { .status = CONTAINER_RUNNING,
				     .pid = 2147483647,
				     .start_time = UINT64_MAX,
				     .supervisor = 7,
				     .supervisor_start = 8,
				     .exit_code = 137,
				     .remove_at_end = true,
				     .oom_killed = true,
				     .one_id = DCODE_NO_SUBID,
				     .started = "2026-11-24T00:44:15.000000000Z",
				     .node = "0123456789abcdef" },
			       b;
	char text[CONTAINER_STATE_MAX];
	size_t n;

	(void)state;
	memset(a.error, 'e', sizeof(a.error) - 1);
	memset(a.boot, 'b', sizeof(a.boot) - 1);
	memset(a.finished, 'f', sizeof(a.finished) - 1);
	memset(a.cgroup, 'c', sizeof(a.cgroup) - 1);
	n = container_format_state(&a, text);
	assert_int_not_equal(n, 0);
	assert_int_equal(container_parse_state(text, n, &b), 0);
	assert_int_equal(b.status, CONTAINER_RUNNING);
	assert_int_equal(b.pid, a.pid);
	assert_true(b.start_time == a.start_time && b.supervisor_start == 8 && b.supervisor == 7);
	assert_int_equal(b.exit_code, 137);
	assert_true(b.remove_at_end && b.oom_killed);
	assert_int_equal(b.one_id, DCODE_NO_SUBID);
	assert_string_equal(b.cgroup, a.cgroup);
	assert_string_equal(b.error, a.error);
	assert_string_equal(b.node, a.node);
	assert_string_equal(b.boot, a.boot);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(container_parse_state(text, i, &b), -EINVAL);
	/* A record of before there were limits: the two lines are not there. */
	a.cgroup[0] = '\0';
	a.oom_killed = false;
	a.one_id = DCODE_NONE;
	n = container_format_state(&a, text);
	text[n] = '\0';
	assert_null(strstr(text, "cgroup"));
	assert_null(strstr(text, "oom"));
	assert_null(strstr(text, "one-id"));
	assert_int_equal(container_parse_state(text, n, &b), 0);
	assert_true(!b.oom_killed && !b.cgroup[0]);
}

static void test_state_refuses(void **state)
{
	static const char *const bad[] = {
		"pid=4294967296", "pid=-1", "exit-code=256", "remove-at-end=2", "status=paused",
	};
	struct container_state st = { 0 };
	char text[CONTAINER_STATE_MAX], changed[CONTAINER_STATE_MAX + 64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t n = container_format_state(&st, text), key;
		const char *eq = strchr(bad[i], '=');
		char *line;

		text[n] = '\0';
		key = (size_t)(eq - bad[i]) + 1;
		line = text;
		while (strncmp(line, bad[i], key) != 0)
			line = strchr(line, '\n') + 1;
		*line = '\0';
		(void)snprintf(changed, sizeof(changed), "%s%s%s", text, bad[i],
			       strchr(line + 1, '\n'));
		assert_int_equal(container_parse_state(changed, strlen(changed), &st) < 0, 1);
	}
}

static void test_refname(void **state)
{
	char buf[REFNAME_PATH_MAX], other[REFNAME_PATH_MAX], name[REFERENCE_STR_MAX];

	(void)state;
	assert_int_equal(refname_escape("docker.io/library/debian:12", buf), 0);
	assert_string_equal(buf, "docker.io%2Flibrary%2Fdebian%3A12");
	assert_int_equal(refname_escape("a%2Fb", buf), 0);
	assert_string_equal(buf, "a%252Fb");
	assert_int_equal(refname_escape(".hidden+", buf), 0);
	assert_string_equal(buf, "%2Ehidden%2B");
	assert_int_equal(refname_escape("", buf), -EINVAL);
	assert_int_equal(refname_escape("..", buf), -EINVAL);
	/* The longest name there is: every level is a valid file name, and none is another's. */
	memset(name, '/', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(refname_escape(name, buf), 0);
	for (const char *p = buf; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
		assert_in_range(strcspn(p, "/"), 1, 255);
	name[sizeof(name) - 2] = ':';
	assert_int_equal(refname_escape(name, other), 0);
	assert_string_not_equal(buf, other);
}

static void test_image_record(void **state)
{
	static const char hex[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct str_buf b;
	struct image i;

	(void)state;
	str_buf_init(&b, 1 << 20);
	str_buf_addf(&b,
		     "carrel-image 1\nmanifest=sha256:%s\nconfig=sha256:%s\nsize=5\nos=linux\n"
		     "arch=amd64\nvariant=\ncreated=\nfuture=x\n",
		     hex, hex);
	for (unsigned n = 0; n < MANIFEST_LAYERS_MAX; n++)
		str_buf_addf(&b, "layer=sha256:%s\n", hex);
	str_buf_adds(&b, "end\n");
	assert_int_equal(imgrec_parse(b.s, b.len, &i), 0);
	assert_int_equal(i.n_layers, MANIFEST_LAYERS_MAX);
	assert_string_equal(i.platform.arch, "amd64");
	image_done(&i);
	b.len -= 4;
	str_buf_addf(&b, "layer=sha256:%s\nend\n", hex);
	assert_int_equal(imgrec_parse(b.s, b.len, &i), -EINVAL);
	str_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roundtrip),
		cmocka_unit_test(test_versions_and_damage),
		cmocka_unit_test(test_writer_is_bounded),
		cmocka_unit_test(test_state_roundtrip),
		cmocka_unit_test(test_state_refuses),
		cmocka_unit_test(test_refname),
		cmocka_unit_test(test_image_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
