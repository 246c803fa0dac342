/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/intake.h"

#include <pthread.h>
#include <string.h>

struct intake {
	pthread_mutex_t lock;
	pthread_cond_t more; /* bytes or the end */
	size_t head, len;    /* of what is in the buffer */
	bool refused;
	bool ended;
	int result;
	struct error err;
	uint8_t buf[INTAKE_SIZE];
};

struct intake *intake_new(void)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	pthread_mutex_init(&in->lock, NULL); /* cannot fail on Linux */
	pthread_cond_init(&in->more, NULL);
	return in;
}

void intake_reset(struct intake *in)
{
	in->head = in->len = 0;
	in->refused = in->ended = false;
	in->result = 0;
}

bool intake_put(struct intake *in, const void *p, size_t n)
{
	size_t at, first;

	pthread_mutex_lock(&in->lock);
	if (INTAKE_SIZE - in->len < n) {
		in->refused = true;
		pthread_mutex_unlock(&in->lock);
		return false;
	}
	at = (in->head + in->len) % INTAKE_SIZE;
	first = INTAKE_SIZE - at < n ? INTAKE_SIZE - at : n;
	memcpy(in->buf + at, p, first);
	memcpy(in->buf, (const uint8_t *)p + first, n - first);
	in->len += n;
	pthread_cond_signal(&in->more);
	pthread_mutex_unlock(&in->lock);
	return true;
}

void intake_end(struct intake *in, int result, const struct error *err)
{
	pthread_mutex_lock(&in->lock);
	in->ended = true;
	in->result = result;
	if (err)
		in->err = *err;
	pthread_cond_signal(&in->more);
	pthread_mutex_unlock(&in->lock);
}

/* Half empty: each wake-up of the network thread should be worth it. */
static bool has_room(const struct intake *in)
{
	return in->refused && in->len <= INTAKE_SIZE / 2;
}

bool intake_wants_more(struct intake *in)
{
	bool yes;

	pthread_mutex_lock(&in->lock);
	yes = has_room(in);
	if (yes)
		in->refused = false;
	pthread_mutex_unlock(&in->lock);
	return yes;
}

int intake_peek(struct intake *in, size_t min, const uint8_t **ret, size_t *ret_n,
		struct error *err)
{
	int r;

	pthread_mutex_lock(&in->lock);
	while (in->len < min && !in->ended)
		pthread_cond_wait(&in->more, &in->lock);
	r = in->result;
	if (r < 0)
		*err = in->err;
	*ret = in->buf + in->head;
	*ret_n = INTAKE_SIZE - in->head < in->len ? INTAKE_SIZE - in->head : in->len;
	pthread_mutex_unlock(&in->lock);
	return r;
}

bool intake_drop(struct intake *in, size_t n)
{
	bool wake;

	pthread_mutex_lock(&in->lock);
	in->head = (in->head + n) % INTAKE_SIZE;
	in->len -= n;
	wake = has_room(in);
	pthread_mutex_unlock(&in->lock);
	return wake;
}
