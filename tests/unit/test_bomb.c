/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cm.h"
#include "transfer/bomb.h"

#define MIB ((uint64_t)1 << 20)

static void test_one_layer(void **state)
{
	_Atomic uint64_t taken = 0;
	struct bomb_share s = { .taken = &taken };
	struct error err = { 0 };

	(void)state;
	/* Within its own worth it takes nothing. */
	assert_int_equal(bomb_check(&s, MIB, BOMB_RATIO * MIB, &err), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(bomb_check(&s, MIB, BOMB_RATIO * MIB + BOMB_FREE, &err), 0);
	assert_int_equal(taken, BOMB_FREE);
	assert_int_equal(bomb_check(&s, MIB, BOMB_RATIO * MIB + BOMB_FREE + 1, &err), -EFBIG);
	assert_non_null(strstr(err.text, "200 times"));
	assert_non_null(strstr(err.hint, "CARREL_LAYER_RATIO=0"));
}

/* What many take in small steps is the same GiB. */
static void test_layers_share(void **state)
{
	_Atomic uint64_t taken = 0;
	struct bomb_share s[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		s[i] = (struct bomb_share){ .taken = &taken };
	for (uint64_t n = MIB; n <= 256 * MIB; n += MIB)
		for (int i = 0; i < 4; i++)
			assert_int_equal(bomb_check(&s[i], 0, n, NULL), 0);
	assert_int_equal(taken, BOMB_FREE);
	for (int i = 0; i < 4; i++) {
		/* It may still have what it is worth. */
		assert_int_equal(bomb_check(&s[i], MIB, (BOMB_RATIO + 256) * MIB, NULL), 0);
		assert_int_equal(bomb_check(&s[i], MIB, (BOMB_RATIO + 256) * MIB + 1, NULL),
				 -EFBIG);
	}
}

static void test_numbers(void **state)
{
	_Atomic uint64_t taken = 0;
	struct bomb_share s = { .taken = &taken };

	(void)state;
	assert_int_equal(bomb_check(&s, UINT64_MAX, UINT64_MAX, NULL), 0);
	assert_int_equal(bomb_check(&s, 1, UINT64_MAX, NULL), -EFBIG);
	assert_int_equal(taken, 0);
	assert_int_equal(setenv("CARREL_LAYER_RATIO", "0", 1), 0);
	assert_int_equal(bomb_check(&s, 1, UINT64_MAX, NULL), 0);
	assert_int_equal(setenv("CARREL_LAYER_RATIO", "1000", 1), 0);
	assert_int_equal(bomb_check(&s, MIB, 1000 * MIB, NULL), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(unsetenv("CARREL_LAYER_RATIO"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_layer),
		cmocka_unit_test(test_layers_share),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
