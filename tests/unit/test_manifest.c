/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "oci/manifest.h"

#define HEX	 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OCI_M	 "application/vnd.oci.image.manifest.v1+json"
#define OCI_X	 "application/vnd.oci.image.index.v1+json"
#define DOCKER_M "application/vnd.docker.distribution.manifest.v2+json"
#define LAYER	 "application/vnd.oci.image.layer.v1.tar+gzip"
#define DESC(type, size) \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":" size "}"
#define CONFIG	   DESC("application/vnd.oci.image.config.v1+json", "7")
#define IMAGE(mid) "{\"schemaVersion\":2," mid "\"config\":" CONFIG ",\"layers\":["
#define GOOD	   IMAGE("\"mediaType\":\"" OCI_M "\",") DESC(LAYER, "99") "]}"

static int parse(const char *json, struct error *err)
{
	struct manifest m;
	int r;

	*err = (struct error){ 0 };
	r = manifest_parse(json, strlen(json), &m, err);
	if (r == 0)
		manifest_done(&m);
	else
		assert_true(err->text[0]);
	return r;
}

static void test_good(void **state)
{
	struct manifest m;

	(void)state;
	assert_int_equal(manifest_parse(GOOD, strlen(GOOD), &m, NULL), 0);
	assert_int_equal(m.type, MEDIA_OCI_MANIFEST);
	assert_int_equal(m.n_layers, 1);
	assert_int_equal(m.layers[0].size, 99);
	assert_int_equal(m.layers[0].type, MEDIA_OCI_LAYER_GZIP);
	assert_string_equal(m.layers[0].digest.hex, HEX);
	assert_int_equal(m.config.size, 7);
	manifest_done(&m);
}

static const struct bad_row {
	const char *json;
	int code;
} bad_rows[] = {
	{ "", -EINVAL },
	{ "[]", -EINVAL },
	{ "{}", -EINVAL },
	{ "{\"schemaVersion\":2}", -EINVAL },
	{ "{\"schemaVersion\":1,\"fsLayers\":[]}", -EOPNOTSUPP },
	{ "{\"schemaVersion\":\"2\",\"layers\":[]}", -EINVAL },
	{ "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", -EBADMSG },
	{ "{\"schemaVersion\":2,\"config\":null,\"manifests\":[]}", -EBADMSG },
	{ "{\"schemaVersion\":2,\"manifests\":[]}", -EINVAL },
	{ "{\"schemaVersion\":2,\"layers\":[]}", -EINVAL },
	{ "{\"schemaVersion\":2,\"mediaType\":\"" OCI_X "\",\"layers\":[]}", -EBADMSG },
	{ "{\"schemaVersion\":2,\"mediaType\":\"text/plain\",\"layers\":[]}", -EOPNOTSUPP },
	{ "{\"schemaVersion\":2,\"mediaType\":7,\"layers\":[]}", -EINVAL },
	{ IMAGE("") "]}", -EOPNOTSUPP }, /* no layers */
	{ IMAGE("") "7]}", -EINVAL },
	{ IMAGE("") "null]}", -EINVAL },
	{ IMAGE("") DESC(LAYER, "-1") "]}", -EINVAL },
	{ IMAGE("") DESC(LAYER, "1.5") "]}", -EINVAL },
	{ IMAGE("") DESC(LAYER, "\"9\"") "]}", -EINVAL },
	{ IMAGE("") DESC(LAYER, "18446744073709551615") "]}", -EFBIG },
	{ IMAGE("") DESC(LAYER, "99999999999999999999999") "]}", -EFBIG },
	{ IMAGE("") DESC("text/plain", "1") "]}", -EOPNOTSUPP },
	{ IMAGE("") DESC("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "1") "]}",
	  -EOPNOTSUPP },
	{ IMAGE("") DESC("application/vnd.oci.empty.v1+json", "2") "]}", -EOPNOTSUPP },
	{ IMAGE("") "{\"mediaType\":\"" LAYER "\",\"digest\":\"sha512:" HEX HEX "\",\"size\":1}]}",
	  -EOPNOTSUPP },
	{ IMAGE("") "{\"mediaType\":\"" LAYER "\",\"digest\":\"sha256:../x\",\"size\":1}]}",
	  -EINVAL },
	{ IMAGE("") "{\"mediaType\":\"" LAYER "\",\"size\":1}]}", -EINVAL },
	{ "{\"schemaVersion\":2,\"config\":[],\"layers\":[" DESC(LAYER, "1") "]}", -EINVAL },
	{ "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":{}}", -EINVAL },
	{ "{\"schemaVersion\":2,\"config\":" DESC("application/vnd.cncf.helm.config.v1+json",
						  "1") ",\"layers\":[" DESC(LAYER, "1") "]}",
	  -EOPNOTSUPP },
	{ "{\"schemaVersion\":2,\"config\":" DESC("application/vnd.oci.image.config.v1+json",
						  "999999999") ",\"layers\":[" DESC(LAYER,
										    "1") "]}",
	  -EFBIG },
};

static void test_bad(void **state)
{
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_rows); i++) {
		int r = parse(bad_rows[i].json, &err);

		if (r != bad_rows[i].code)
			fail_msg("%s: %d '%s'", bad_rows[i].json, r, err.text);
	}
}

static int parse_n_layers(size_t n)
{
	struct str_buf b;
	struct error err;
	int r;

	str_buf_init(&b, 1 << 20);
	str_buf_adds(&b, IMAGE(""));
	for (size_t i = 0; i < n; i++) {
		str_buf_adds(&b, i ? "," : "");
		str_buf_adds(&b, DESC(LAYER, "1"));
	}
	str_buf_adds(&b, "]}");
	assert_int_equal(str_buf_end(&b), 0);
	r = parse(b.s, &err);
	str_buf_done(&b);
	return r;
}

static void test_limits(void **state)
{
	char *big = xmalloc(MANIFEST_SIZE_MAX + 2);
	struct error err;

	(void)state;
	assert_int_equal(parse_n_layers(MANIFEST_LAYERS_MAX), 0);
	assert_int_equal(parse_n_layers(MANIFEST_LAYERS_MAX + 1), -EFBIG);
	memset(big, ' ', MANIFEST_SIZE_MAX + 1);
	memcpy(big, GOOD, strlen(GOOD));
	big[MANIFEST_SIZE_MAX + 1] = '\0';
	assert_int_equal(parse(big, &err), -EFBIG);
	big[MANIFEST_SIZE_MAX] = '\0';
	assert_int_equal(parse(big, &err), 0);
	free(big);
}

static int detect(const char *json, const char *content_type, enum media_type *ret)
{
	return manifest_detect(json, strlen(json), content_type, ret, NULL);
}

static void test_detect(void **state)
{
	static const char bare[] = IMAGE("") DESC(LAYER, "1") "]}";
	static const char index[] = "{\"schemaVersion\":2,\"manifests\":[]}";
	enum media_type t;

	(void)state;
	assert_int_equal(detect(GOOD, NULL, &t), 0);
	assert_int_equal(t, MEDIA_OCI_MANIFEST);
	assert_int_equal(detect(GOOD, OCI_M "; charset=utf-8", &t), 0);
	assert_int_equal(detect(GOOD, "application/json", &t), 0);
	assert_int_equal(detect(GOOD, DOCKER_M, &t), -EBADMSG);
	assert_int_equal(detect(GOOD, OCI_X, &t), -EBADMSG);
	assert_int_equal(detect(GOOD, LAYER, &t), -EBADMSG);
	assert_int_equal(detect(bare, DOCKER_M, &t), 0);
	assert_int_equal(t, MEDIA_DOCKER_MANIFEST);
	assert_int_equal(detect(bare, OCI_X, &t), -EBADMSG);
	assert_int_equal(detect(bare, LAYER, &t), -EBADMSG);
	assert_int_equal(detect(index, NULL, &t), 0);
	assert_int_equal(t, MEDIA_OCI_INDEX);
	assert_int_equal(detect(index, OCI_M, &t), -EBADMSG);
}

#define ENTRY(digit, os, arch, variant)                                                    \
	"{\"mediaType\":\"" OCI_M "\",\"size\":1,\"digest\":\"sha256:" digit               \
	"123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"platform\":{" \
	"\"os\":\"" os "\",\"architecture\":\"" arch "\",\"variant\":\"" variant "\"}}"

#define INDEX(c, os, arch)                                                                 \
	"{\"mediaType\":\"" OCI_X "\",\"size\":7,\"digest\":\"sha256:" c                   \
	"123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"platform\":{" \
	"\"os\":\"" os "\",\"architecture\":\"" arch "\"}}"

static char chosen(const struct image_index *x, const char *want)
{
	const struct descriptor *d;
	struct platform p;

	assert_int_equal(platform_parse(want, &p, NULL), 0);
	d = image_index_choose(x, &p);
	return d ? d->digest.hex[0] : '-';
}

static void test_choose(void **state)
{
	/* clang-format off */
	static const char json[] =
		"{\"schemaVersion\":2,\"manifests\":["
		ENTRY("0", "unknown", "unknown", "") ","
		ENTRY("1", "linux", "amd64", "v3") ","
		ENTRY("2", "linux", "amd64", "") ","
		ENTRY("3", "linux", "arm", "v5") ","
		ENTRY("4", "linux", "arm", "v6") ","
		ENTRY("5", "linux", "arm64", "v8") ","
		ENTRY("6", "windows", "amd64", "") "]}";
	static const char nested[] =
		"{\"schemaVersion\":2,\"manifests\":["
		INDEX("2", "linux", "amd64") ","
		INDEX("3", "linux", "arm64") ","
		ENTRY("1", "linux", "amd64", "") ","
		INDEX("4", "", "") "]}";
	/* clang-format on */
	struct image_index x;

	(void)state;
	assert_int_equal(image_index_parse(json, strlen(json), &x, NULL), 0);
	assert_int_equal(x.n_manifests, 7);
	assert_int_equal(chosen(&x, "linux/amd64"), '2');
	assert_int_equal(chosen(&x, "linux/amd64/v3"), '1');
	assert_int_equal(chosen(&x, "linux/arm/v7"), '4');
	assert_int_equal(chosen(&x, "linux/arm/v5"), '3');
	assert_int_equal(chosen(&x, "linux/arm64"), '5');
	assert_int_equal(chosen(&x, "linux/riscv64"), '-');
	assert_int_equal(chosen(&x, "unknown/unknown"), '-');
	image_index_done(&x);
	assert_int_equal(image_index_parse(nested, strlen(nested), &x, NULL), 0);
	assert_int_equal(chosen(&x, "linux/amd64"), '1'); /* an image is better than an index */
	assert_int_equal(chosen(&x, "linux/arm64"), '3');
	assert_int_equal(chosen(&x, "linux/s390x"), '4');
	image_index_done(&x);
	assert_int_equal(image_index_parse(GOOD, strlen(GOOD), &x, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_detect),
		cmocka_unit_test(test_choose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
