/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/ctr.h"

static void test_caps(void **state)
{
	struct error err = { 0 };
	uint64_t v;

	(void)state;
	assert_int_equal(caps_parse("CAP_NET_ADMIN", &v, &err), 0);
	assert_int_equal(v, UINT64_C(1) << 12);
	assert_int_equal(caps_parse("net_admin", &v, &err), 0);
	assert_int_equal(v, UINT64_C(1) << 12);
	assert_int_equal(caps_parse("cap_chown", &v, &err), 0);
	assert_int_equal(v, 1);
	assert_int_equal(caps_parse("all", &v, &err), 0);
	assert_int_equal(v, (UINT64_C(1) << 41) - 1);
	assert_true(caps_parse("CAP_", &v, &err) < 0);
	assert_true(caps_parse("", &v, &err) < 0);
	assert_true(caps_parse("CHOWN ", &v, &err) < 0);
	assert_true(error_is_set(&err));
	/* podman's eleven: no NET_RAW, MKNOD, AUDIT_WRITE, SYS_ADMIN */
	assert_int_equal(__builtin_popcountll(caps_default), 11);
	assert_int_equal(caps_default, 0x800405fb);
}

static int sig(const char *s)
{
	int v = -1;

	return signal_parse(s, &v, NULL) < 0 ? -1 : v;
}

static void test_signals(void **state)
{
	(void)state;
	assert_int_equal(sig("TERM"), SIGTERM);
	assert_int_equal(sig("SIGTERM"), SIGTERM);
	assert_int_equal(sig("sigterm"), SIGTERM);
	assert_int_equal(sig("15"), 15);
	assert_int_equal(sig("RTMIN"), SIGRTMIN);
	assert_int_equal(sig("SIGRTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(sig("SIGRTMAX-1"), SIGRTMAX - 1);
	assert_int_equal(sig("IOT"), SIGABRT);
	assert_int_equal(sig("0"), -1);
	assert_int_equal(sig("65"), -1);
	assert_int_equal(sig(""), -1);
	assert_int_equal(sig("SIG"), -1);
	assert_int_equal(sig("15x"), -1);
	assert_int_equal(sig("RTMIN-1"), -1);
	assert_int_equal(sig("RTMIN+99"), -1);
}

static void on_signal(int n)
{
	(void)n;
}

static void test_signal_is_lost(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	(void)state;
	assert_true(signal_is_lost(getpid(), SIGUSR1));
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	assert_false(signal_is_lost(getpid(), SIGUSR1));
	assert_true(signal_is_lost(getpid(), SIGUSR2));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	assert_false(signal_is_lost(getpid(), SIGUSR2));
	assert_false(signal_is_lost(getpid(), SIGKILL));
	assert_false(signal_is_lost(0x7ffffff0, SIGUSR2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_signal_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
