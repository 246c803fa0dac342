/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "cm.h"
#include "transfer/intake.h"
#include "transfer/ring.h"

enum {
	BLOCKS = 2000,
};

static struct ring *ring_new(void)
{
	struct ring *r =
		mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(r != MAP_FAILED);
	return r;
}

static uint32_t len_of(uint32_t i)
{
	return 1 + i * 7919 % 4096;
}

static void *write_blocks(void *data)
{
	struct ring *r = data;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint8_t *p = ring_get_free(r);

		memset(p, (int)(i & 0xff), len_of(i));
		ring_put(r, len_of(i));
	}
	ring_end(r);
	return NULL;
}

/* Every block once, in order, whole, and then the end: a lost wake-up hangs here. */
static void test_in_order(void **state)
{
	struct ring *r = ring_new();
	uint8_t *buf = xmalloc(RING_BLOCK);
	pthread_t t;
	size_t n;

	(void)state;
	for (int round = 0; round < 3; round++) {
		ring_reset(r);
		assert_int_equal(pthread_create(&t, NULL, write_blocks, r), 0);
		for (uint32_t i = 0; i < BLOCKS; i++) {
			assert_int_equal(ring_take(r, buf, &n), 0);
			assert_int_equal(n, len_of(i));
			assert_int_equal(buf[0], i & 0xff);
			assert_int_equal(buf[n - 1], i & 0xff);
		}
		assert_int_equal(ring_take(r, buf, &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(pthread_join(t, NULL), 0);
	}
	free(buf);
	munmap(r, sizeof(*r));
}

/* The writer is hostile: its counters and lengths are checked before use. */
static void test_hostile_writer(void **state)
{
	struct ring *r = ring_new();
	uint8_t *buf = xmalloc(RING_BLOCK);
	size_t n;

	(void)state;
	atomic_store(&r->head, 1);
	atomic_store(&r->len[0], RING_BLOCK + 1);
	assert_int_equal(ring_take(r, buf, &n), -EPROTO);
	ring_reset(r);
	atomic_store(&r->len[0], 1);
	atomic_store(&r->head, RING_BLOCKS + 1);
	assert_int_equal(ring_take(r, buf, &n), -EPROTO);
	ring_reset(r);
	atomic_store(&r->head, UINT32_MAX);
	assert_int_equal(ring_take(r, buf, &n), -EPROTO);
	free(buf);
	munmap(r, sizeof(*r));
}

static void *drain(void *data)
{
	struct intake *in = data;
	uint8_t next = 0;

	for (;;) {
		const uint8_t *p;
		struct error err;
		size_t n;

		if (intake_peek(in, 1, &p, &n, &err) < 0)
			return (void *)1;
		if (n == 0)
			return NULL;
		for (size_t i = 0; i < n; i++)
			if (p[i] != next++)
				return (void *)2;
		ignore_result(intake_drop(in, n)); /* the writer below asks by itself */
	}
}

static void test_intake(void **state)
{
	struct intake *in = intake_new();
	uint8_t piece[10007], next = 0;
	pthread_t t;
	void *ret;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, drain, in), 0);
	for (int i = 0; i < 500; i++) {
		for (size_t k = 0; k < sizeof(piece); k++)
			piece[k] = next++;
		while (!intake_put(in, piece, sizeof(piece)))
			while (!intake_wants_more(in))
				sched_yield();
	}
	intake_end(in, 0, NULL);
	assert_int_equal(pthread_join(t, &ret), 0);
	assert_null(ret);
	free(in);
}

static void test_intake_failure(void **state)
{
	struct intake *in = intake_new();
	struct error why = { .code = -EIO, .text = "broken" }, err = { 0 };
	const uint8_t *p;
	size_t n;

	(void)state;
	assert_true(intake_put(in, "abc", 3));
	intake_end(in, -EIO, &why);
	assert_int_equal(intake_peek(in, 1, &p, &n, &err), -EIO);
	assert_string_equal(err.text, "broken");
	intake_reset(in);
	assert_true(intake_put(in, "abc", 3));
	assert_int_equal(intake_peek(in, 3, &p, &n, &err), 0);
	assert_int_equal(n, 3);
	free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_hostile_writer),
		cmocka_unit_test(test_intake),
		cmocka_unit_test(test_intake_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
