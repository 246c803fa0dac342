/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
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

/* While it waits, /proc shows the signal as neither blocked nor caught. */
static void test_sigwait_loses_nothing(void **state)
{
	sigset_t set;
	pid_t pid;
	int status;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		while (sigwaitinfo(&set, NULL) != SIGTERM)
			;
		_exit(7);
	}
	for (int i = 0; i < 1000; i++) {
		assert_false(signal_is_lost(pid, SIGTERM));
		kill(pid, SIGUSR1); /* out of the wait, and into it again */
	}
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* It is in no call for good, and deaf all the same. */
static void test_one_that_runs_is_deaf(void **state)
{
	pid_t pid = fork();
	bool lost = false;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			;
	for (int i = 0; i < 1000 && !lost; i++)
		lost = signal_is_lost(pid, SIGTERM);
	assert_true(lost);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_signal_is_lost),
		cmocka_unit_test(test_sigwait_loses_nothing),
		cmocka_unit_test(test_one_that_runs_is_deaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
