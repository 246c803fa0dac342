/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* #syscalls:fetch futex */
/* #syscalls:unpack futex */
static void futex_wait(_Atomic uint32_t *p, uint32_t seen)
{
	/* EAGAIN and EINTR are looked at by the caller's loop. */
	(void)syscall(SYS_futex, p, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *p)
{
	(void)syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0); /* the number woken */
}

void ring_reset(struct ring *r)
{
	atomic_store(&r->head, 0);
	atomic_store(&r->tail, 0);
	atomic_store(&r->writer_sleeps, 0);
	atomic_store(&r->reader_sleeps, 0);
}

uint8_t *ring_get_free(struct ring *r)
{
	uint32_t head = atomic_load(&r->head), tail;

	/* A tail beyond head (nonsense of the other side) is a large difference: we wait, and the
	 * coordinator ends us with it. */
	while (head - (tail = atomic_load(&r->tail)) >= RING_BLOCKS) {
		atomic_store(&r->writer_sleeps, 1);
		if (atomic_load(&r->tail) == tail)
			futex_wait(&r->tail, tail);
	}
	return r->data[head % RING_BLOCKS];
}

void ring_put(struct ring *r, uint32_t len)
{
	uint32_t head = atomic_load(&r->head);

	atomic_store(&r->len[head % RING_BLOCKS], len);
	atomic_store(&r->head, head + 1);
	if (atomic_exchange(&r->reader_sleeps, 0))
		futex_wake(&r->head);
}

void ring_end(struct ring *r)
{
	/* The end mark needs a free block as any other. */
	(void)ring_get_free(r);
	ring_put(r, 0);
}

int ring_take(struct ring *r, uint8_t *buf, size_t *ret_len)
{
	uint32_t tail = atomic_load(&r->tail), head, len;

	while ((head = atomic_load(&r->head)) == tail) {
		atomic_store(&r->reader_sleeps, 1);
		if (atomic_load(&r->head) == tail)
			futex_wait(&r->head, tail);
	}
	len = atomic_load(&r->len[tail % RING_BLOCKS]);
	if (head - tail > RING_BLOCKS || len > RING_BLOCK)
		return -EPROTO;
	memcpy(buf, r->data[tail % RING_BLOCKS], len);
	*ret_len = len;
	atomic_store(&r->tail, tail + 1);
	if (atomic_exchange(&r->writer_sleeps, 0))
		futex_wake(&r->tail);
	return 0;
}
