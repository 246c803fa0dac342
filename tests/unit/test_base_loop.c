/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cm.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"

enum {
	MANY = 100, /* more than one batch */
};

struct many {
	struct loop_source source[MANY];
	bool gone[MANY];
	int calls;
};

static int remove_all_others(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct many *m = source->data;

	assert_true(events & EPOLLIN);
	assert_false(m->gone[source - m->source]);
	m->calls++;
	for (int i = 0; i < MANY; i++) {
		if (&m->source[i] == source)
			continue;
		loop_remove(loop, &m->source[i]);
		m->gone[i] = true;
		m->source[i].data = NULL; /* a call now would crash */
	}
	return 0;
}

static void test_removal(void **state)
{
	struct many m = { 0 };
	struct loop loop;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	for (int i = 0; i < MANY; i++) {
		m.source[i] = (struct loop_source){ .fd = eventfd(1, EFD_CLOEXEC),
						    .handler = remove_all_others,
						    .data = &m };
		assert_int_equal(loop_set(&loop, &m.source[i], EPOLLIN), 0);
	}
	assert_true(loop_once(&loop, 1000) > 1);
	assert_int_equal(m.calls, 1);
	for (int i = 0; i < MANY; i++)
		fd_close(m.source[i].fd);
	loop_done(&loop);
}

static int never(struct loop *loop, struct loop_source *source, uint32_t events)
{
	(void)loop;
	(void)source;
	fail_msg("called for %x", events);
	return -EIO;
}

static int narrow_other(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct loop_source *other = source->data;

	(void)events;
	if (other)
		assert_int_equal(loop_set(loop, other, EPOLLIN), 0);
	loop_remove(loop, source);
	return 0;
}

/* A source that stops waiting for output within the round is not told about it any more. */
static void test_narrowed(void **state)
{
	struct loop_source a, b;
	struct loop loop;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	b = (struct loop_source){ .fd = eventfd(0, EFD_CLOEXEC), .handler = never };
	a = (struct loop_source){ .fd = eventfd(1, EFD_CLOEXEC),
				  .handler = narrow_other,
				  .data = &b };
	assert_int_equal(loop_set(&loop, &a, EPOLLIN), 0);
	assert_int_equal(loop_set(&loop, &b, EPOLLOUT), 0);
	assert_int_equal(loop_once(&loop, 1000), 2);
	assert_int_equal(b.events, EPOLLIN);
	fd_close(a.fd);
	fd_close(b.fd);
	loop_done(&loop);
}

static int on_signal(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct signalfd_siginfo si;

	(void)events;
	assert_int_equal(read(source->fd, &si, sizeof(si)), sizeof(si));
	loop_quit(loop, (int)si.ssi_signo);
	return 0;
}

static int on_timer(struct loop *loop, struct loop_source *source, uint32_t events)
{
	(void)loop;
	(void)source;
	(void)events;
	return raise(SIGUSR1) == 0 ? loop_timer_set(source->fd, 0) : -errno;
}

static void test_signal_and_timer(void **state)
{
	struct loop_source sig = { .handler = on_signal }, timer = { .handler = on_timer };
	struct loop loop;
	sigset_t set;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	assert_int_equal(loop_init(&loop), 0);
	sig.fd = loop_signalfd(&set);
	timer.fd = loop_timerfd();
	assert_true(sig.fd >= 0 && timer.fd >= 0);
	assert_int_equal(loop_set(&loop, &sig, EPOLLIN), 0);
	assert_int_equal(loop_set(&loop, &timer, EPOLLIN), 0);
	assert_int_equal(loop_once(&loop, 0), 0); /* unarmed */
	assert_int_equal(loop_timer_set(timer.fd, 1), 0);
	assert_int_equal(loop_run(&loop), SIGUSR1);
	fd_close(sig.fd);
	fd_close(timer.fd);
	loop_done(&loop);
}

static int failing(struct loop *loop, struct loop_source *source, uint32_t events)
{
	(void)loop;
	(void)source;
	(void)events;
	return -EPROTO;
}

static void test_handler_error(void **state)
{
	struct loop_source a = { .handler = failing };
	struct loop loop;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	a.fd = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(loop_set(&loop, &a, EPOLLIN), 0);
	assert_int_equal(loop_run(&loop), -EPROTO);
	assert_int_equal(loop_set(&loop, &a, 0), 0);
	assert_int_equal(a.events, 0);
	assert_int_equal(loop_once(&loop, 0), 0);
	fd_close(a.fd);
	loop_done(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_narrowed),
		cmocka_unit_test(test_signal_and_timer),
		cmocka_unit_test(test_handler_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
